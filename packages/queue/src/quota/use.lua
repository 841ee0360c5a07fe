-- Adds up how owners used their keys: `uses` = { { owner, calls, refused, lastCallAt (ms) }, ... }.
--- @include ../redis/keys.lua
for _, use in ipairs(args.uses) do
  local key = use_key(use.owner)
  -- The first write takes no memory: Redis then lets the script continue even when it is full.
  redis.call('PEXPIRE', key, USE_KEPT_MS)
  redis.call('HINCRBY', key, 'calls', use.calls)
  redis.call('HINCRBY', key, 'refused', use.refused)
  if use.lastCallAt > tonumber(redis.call('HGET', key, 'lastCallAt') or 0) then
    redis.call('HSET', key, 'lastCallAt', string.format('%.0f', use.lastCallAt))
  end
  redis.call('PEXPIRE', key, USE_KEPT_MS)
end
return 1
