-- Renews the leases of an owner's calls: `calls` = { { name }, ... }.
--- @include ../redis/keys.lua
--- @include ./lib.lua
-- The first write takes no memory: Redis then lets the script continue even when it is full.
redis.call('PEXPIRE', calls_key(args.owner), CALL_LEASE_MS)
for _, call in ipairs(args.calls) do lease_call(calls_key(args.owner), call.name) end
return 1
