-- Ends superseded frames of a camera, at most `max` a call, so that Redis can answer others between.
-- Returns 1 when more remains, else 0. Repeating it continues.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./frames-lib.lua
end_superseded(args.camera, args.max, 'superseded', SUPERSEDED_TEXT)
if redis.call('EXISTS', superseded_key(args.camera)) == 0 then return 0 end
redis.call('ZADD', DUE, now + SUPERSEDE_LEASE_MS, 'camera-' .. args.camera)
return 1
