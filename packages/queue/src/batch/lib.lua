-- Batches: their counts, their results, and when they are done.
-- Invariants, after each script:
--   total = queued + processing + ended, and ended = succeeded + failed + canceled = entries of `results:<id>`, whose ids are 1-0 .. ended-0;
--   queued = entries of the lane + active items that are `queued`; stats.items is the sum of all batches' lanes;
--   an erased batch counts the items that end without having run and does not list them, because nobody can read it;
--   resultBytes of the hash is what the batch takes of stats.resultBytes: itself, its results and, until it closes, its names
--   (nameBytes);
--   a batch is in `due` as "batch-<id>"; a stopped one not before the process that cancels its remaining items has fallen silent.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ../webhook/lib.lua
--- @include ../limits/rate.lua
--- @include ../flow/lib.lua
--- @include ../erasure/lib.lua
--- @include ../flow/results-lib.lua

local function batch_lane(id) return 'batch:' .. id end

local function flow_of_batch(id)
  local batch = redis.call('HMGET', batch_key(id), 'flow', 'owner')
  return batch[1] or batch[2] or ''
end

local function charge_batch(id, bytes)
  if bytes == 0 then return end
  local kept = redis.call('HINCRBY', batch_key(id), 'resultBytes', bytes)
  local batch = redis.call('HMGET', batch_key(id), 'flow', 'owner', 'resultEpoch')
  local epoch = charge_results(batch[1] or batch[2] or '', bytes, kept, batch[3])
  if epoch ~= batch[3] then redis.call('HSET', batch_key(id), 'resultEpoch', epoch) end
end

-- Lists how an item ended, as result number `place`. `more`: field -> text of what else is known (l line, j job, a attempts, c code,
-- d detail, f image, m timings, r result, x details). Returns the bytes it takes; the caller keeps the counts.
local function list_result(id, place, name, status, more)
  local entry = { 'i', name, 's', status, 't', now }
  local bytes = RESULT_OVERHEAD_BYTES + #name
  for field, value in pairs(more) do
    entry[#entry + 1] = field
    entry[#entry + 1] = value
    bytes = bytes + #tostring(value)
  end
  redis.call('XADD', results_key(id), string.format('%d-0', place), unpack(entry))
  return bytes
end

-- Counts `count` ends of one status.
local function count_ends(id, status, count)
  redis.call('HINCRBY', batch_key(id), 'ended', count)
  redis.call('HINCRBY', batch_key(id), status, count)
end

local function batch_changed(id) redis.call('PUBLISH', PREFIX .. ':changed', id) end

local function task_name(kind, id) return kind .. ' ' .. id end

local function add_task(kind, id, at)
  redis.call('ZADD', TASKS, at, task_name(kind, id))
  if at <= now then redis.call('PUBLISH', PREFIX .. ':task', id) end
end

-- Forgets all of a batch except an undelivered webhook. None of its items has a record or waits.
local function forget_batch(id)
  local batch = redis.call('HMGET', batch_key(id), 'resultBytes', 'resultEpoch', 'flow', 'owner')
  redis.call('UNLINK', results_key(id), names_key(id), lane_key(batch_lane(id)), active_key(id))
  redis.call('DEL', batch_key(id))
  count_erasure()
  redis.call('ZREM', DUE, 'batch-' .. id)
  redis.call('HDEL', OPEN_BATCHES, id)
  redis.call('ZREM', TASKS, task_name('list', id), task_name('write', id))
  local bytes = tonumber(batch[1] or 0)
  if bytes > 0 then charge_results(batch[3] or batch[4] or '', -bytes, 0, batch[2]) end
end

local function erase_batch(id)
  local host = redis.call('HGET', batch_key(id), 'webhookHost')
  forget_batch(id)
  if host then drop_webhook(id, host) end
end

-- Only appends need names, and there will be none.
local function drop_names(id)
  redis.call('UNLINK', names_key(id))
  charge_batch(id, 0 - tonumber(redis.call('HGET', batch_key(id), 'nameBytes') or 0))
  redis.call('HDEL', batch_key(id), 'nameBytes')
end

-- The batch ends: it is kept for its time, and its webhook becomes due.
local function finish_batch(id)
  local batch = redis.call('HMGET', batch_key(id), 'ttl', 'webhookHost', 'stopped')
  local expires = now + tonumber(batch[1])
  redis.call('HSET', batch_key(id), 'state', batch[3] and 'canceled' or 'finished', 'finishedAt', now, 'expiresAt', expires)
  redis.call('ZADD', DUE, expires, 'batch-' .. id)
  if batch[2] then
    redis.call('HSET', batch_key(id), 'webhookStatus', 'pending', 'webhookNextAt', now)
    add_webhook(batch_key(id), id, batch[2], flow_of_batch(id), 0)
  end
end

-- Once every item has ended and none will come, only the output may remain to be written. Nothing remains of an erased batch.
local function finish_batch_if_done(id)
  local batch = redis.call('HMGET', batch_key(id), 'closedAt', 'finishedAt', 'total', 'ended', 'writeStatus', 'stopped', 'erased')
  if not batch[1] or batch[2] or batch[3] ~= batch[4] then return end
  if batch[7] then return erase_batch(id) end
  local write = batch[5]
  if write and not batch[6] and write ~= 'done' and write ~= 'failed' then
    if not redis.call('ZSCORE', TASKS, task_name('write', id)) then add_task('write', id, now) end
    return
  end
  finish_batch(id)
end

-- The job of an item has ended: its record is deleted, its outcome joins the results. `outcome`: field -> text of what the job learned.
local function end_item(job, status, code, detail, outcome)
  local more = { l = job.line or nil, j = job.id, a = job.attempts, m = outcome.timings, f = outcome.image, r = outcome.result, x = outcome.details }
  if code then
    more.c = code
    more.d = detail
  end
  redis.call('DEL', job_key(job.id))
  redis.call('SREM', active_key(job.batch), job.id)
  status = status == 'expired' and 'failed' or status
  local place = tonumber(redis.call('HGET', batch_key(job.batch), 'ended')) + 1
  charge_batch(job.batch, list_result(job.batch, place, job.name, status, more))
  count_ends(job.batch, status, 1)
  if status ~= 'canceled' then count_event(batch_key(job.batch), 'rate') end
  finish_batch_if_done(job.batch)
  batch_changed(job.batch)
end

-- Ends appends, except those of a listing that is not done.
local function close_batch(id)
  local listing = redis.call('HGET', batch_key(id), 'listStatus')
  redis.call('HSET', batch_key(id), 'state', 'running')
  redis.call('HDEL', OPEN_BATCHES, id)
  if not listing or listing == 'done' or listing == 'failed' then
    redis.call('HSET', batch_key(id), 'closedAt', now)
    drop_names(id)
    finish_batch_if_done(id)
  end
  batch_changed(id)
end

-- Stops a batch: nothing of it starts from here on, provided that the same script calls `cancel_remaining`. `erase`: nothing of it is
-- kept or readable either. The first write frees memory: Redis then lets the script continue even when it is full.
local function stop_batch(id, erase)
  leave_flow('bulk', flow_of_batch(id), batch_lane(id))
  redis.call('ZREM', TASKS, task_name('list', id), task_name('write', id))
  redis.call('HDEL', OPEN_BATCHES, id)
  drop_names(id)
  local fields = { 'state', 'canceled', 'stopped', 1 }
  if erase then
    fields[#fields + 1] = 'erased'
    fields[#fields + 1] = 1
  end
  redis.call('HSET', batch_key(id), unpack(fields))
  redis.call('HSETNX', batch_key(id), 'closedAt', now)
  for _, kind in ipairs({ 'list', 'write' }) do
    local status = redis.call('HGET', batch_key(id), kind .. 'Status')
    if status and status ~= 'done' and status ~= 'failed' then
      redis.call('HSET', batch_key(id), kind .. 'Status', 'failed', kind .. 'Code', 'canceled', kind .. 'Detail', BATCH_CANCELED_TEXT)
    end
  end
  batch_changed(id)
end

-- When `sweep` must check a live batch next.
local function schedule_batch(id)
  local batch = redis.call('HMGET', batch_key(id), 'state', 'lastAppend')
  local silence = ({ building = BATCH_ABANDONED_MS, open = BATCH_IDLE_MS })[batch[1]]
  redis.call('ZADD', DUE, silence and tonumber(batch[2]) + silence or now + BATCH_IDLE_MS, 'batch-' .. id)
end
