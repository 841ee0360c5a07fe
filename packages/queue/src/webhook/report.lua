-- Records an attempt to deliver a webhook, in the webhook and, while it exists, in the record of its job or batch.
-- `status` is pending | delivered | failed | gone; `attemptJson` has no line break; `nextInMs` matters when the status is pending.
-- Returns 1, or 0 when the webhook is gone or has been leased again since. Repeating it changes nothing.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
local id, attempt, status = args.id, args.attempt, args.status
local webhook = redis.call('HMGET', delivery_key(id), 'webhookHost', 'webhookTries', 'webhookReported', 'webhookLog')
local host = webhook[1]
if not host then
  local reported = redis.call('HGET', job_key(id), 'webhookReported') or redis.call('HGET', batch_key(id), 'webhookReported')
  return tonumber(reported) == attempt and 1 or 0
end
if tonumber(webhook[3]) == attempt then return 1 end
if tonumber(webhook[2]) ~= attempt then return 0 end

local lines = {}
for line in string.gmatch((webhook[4] or '') .. '\n' .. args.attemptJson, '[^\n]+') do lines[#lines + 1] = line end
local log = table.concat(lines, '\n', math.max(1, #lines - args.logLength + 1))
local next_at = status == 'pending' and now + args.nextInMs or ''
local fields = { 'webhookStatus', status, 'webhookNextAt', next_at, 'webhookLog', log, 'webhookReported', attempt }
if status == 'pending' then
  redis.call('ZREM', leases_key(host), id)
  redis.call('ZADD', pending_key(host), next_at, id)
  redis.call('HSET', delivery_key(id), unpack(fields))
  reschedule_host(host)
else
  drop_webhook(id, host)
end
for _, record in ipairs({ job_key(id), batch_key(id) }) do
  if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, unpack(fields)) end
end
return 1
