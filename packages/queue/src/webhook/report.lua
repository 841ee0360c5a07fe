-- Records a try to deliver a webhook, in the delivery and, while there is one, in the record of its job or batch.
-- KEYS 1 prefix
-- ARGV 1 id  2 attempt  3 pending|delivered|failed|gone  4 the try (JSON, no line break)  5 ms until the next one, when pending
--      6 tries to keep
-- Returns 1, or 0 when the delivery is gone or has been leased again since. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local id, attempt, status = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local seen = redis.call('HMGET', delivery_key(id), 'webhookHost', 'webhookTries', 'webhookReported', 'webhookLog')
local host = seen[1]
if not host then
  local reported = redis.call('HGET', job_key(id), 'webhookReported') or redis.call('HGET', batch_key(id), 'webhookReported')
  return tonumber(reported) == attempt and 1 or 0
end
if tonumber(seen[3]) == attempt then return 1 end
if tonumber(seen[2]) ~= attempt then return 0 end

local lines = {}
for line in string.gmatch((seen[4] or '') .. '\n' .. ARGV[4], '[^\n]+') do lines[#lines + 1] = line end
local log = table.concat(lines, '\n', math.max(1, #lines - tonumber(ARGV[6]) + 1))
local next_at = status == 'pending' and now + tonumber(ARGV[5]) or ''
local fields = { 'webhookStatus', status, 'webhookNextAt', next_at, 'webhookLog', log, 'webhookReported', attempt }
if status == 'pending' then
  redis.call('ZREM', leases_key(host), id)
  redis.call('ZADD', pending_key(host), next_at, id)
  redis.call('HSET', delivery_key(id), unpack(fields))
  reschedule_host(host)
else
  drop_delivery(id, host)
end
for _, record in ipairs({ job_key(id), batch_key(id) }) do
  if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, unpack(fields)) end
end
return 1
