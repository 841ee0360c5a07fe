-- Renews the leases of an owner's calls: `calls` = { { name }, ... }.
--- @include ../redis/keys.lua
--- @include ./lib.lua
for _, call in ipairs(args.calls) do lease_call(calls_key(args.owner), call.name) end
return 1
