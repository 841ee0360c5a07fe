-- Adds up how owners used their keys: `uses` = { { owner, calls, refused, lastCallAt (ms) }, ... }. A gateway numbers its reports and sends
-- one until it gets a reply, so one that was added already is ignored.
--- @include ../redis/keys.lua
local last_key = use_report_key(args.gateway)
if args.report <= tonumber(redis.call('GET', last_key) or 0) then return 0 end
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
redis.call('SET', last_key, args.report, 'PX', USE_REPORT_KEPT_MS)
return 1
