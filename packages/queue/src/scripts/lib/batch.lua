-- Batches: their counts, their results, and when they are done.
-- Invariants, after each script:
--   total = queued + processing + ended, and ended = succeeded + failed + canceled = entries of `results:<id>`, whose ids are 1-0 .. ended-0;
--   queued = entries of the lane + active items that are `queued`; stats.items is the sum of all batches' lanes;
--   resultBytes of the hash is what the batch is charged in stats.resultBytes, given back when it is erased;
--   a batch is in `due` as "batch-<id>".

-- What an entry takes besides what its sender or its image make of it.
local ENTRY_OVERHEAD = 128
-- What a name takes in its set besides its text.
local NAME_OVERHEAD = 64
-- An open batch that nobody appends to closes itself after this, ms.
local IDLE = 3600000
-- One whose maker falls silent before it is complete is erased after this, ms.
local ABANDONED = 60000

-- An item waits for its turn as long as its batch takes; this only bounds what nobody ever runs, ms.
local ITEM_START_WITHIN = 604800000

local function batch_lane(id) return 'batch:' .. id end

local function charge_batch(id, bytes)
  redis.call('HINCRBY', batch_key(id), 'resultBytes', bytes)
  redis.call('HINCRBY', STATS, 'resultBytes', bytes)
end

-- Adds an end to the results. `more`: field -> text of what else is known (l line, j job, a attempts, c code, d detail, f image, m timings, r result).
local function add_result(id, name, status, more)
  local place = redis.call('HINCRBY', batch_key(id), 'ended', 1)
  local entry = { 'i', name, 's', status, 't', now }
  local bytes = ENTRY_OVERHEAD + #name
  for field, value in pairs(more) do
    entry[#entry + 1] = field
    entry[#entry + 1] = value
    bytes = bytes + #tostring(value)
  end
  redis.call('XADD', results_key(id), string.format('%d-0', place), unpack(entry))
  redis.call('HINCRBY', batch_key(id), status, 1)
  charge_batch(id, bytes)
end

local function batch_changed(id) redis.call('PUBLISH', PREFIX .. ':changed', id) end

local function task_name(kind, id) return kind .. ' ' .. id end

local function add_task(kind, id, at)
  redis.call('ZADD', TASKS, at, task_name(kind, id))
  if at <= now then redis.call('PUBLISH', PREFIX .. ':task', id) end
end

-- The batch is over: it is kept for its time, and its webhook becomes due.
local function finish_batch(id)
  local seen = redis.call('HMGET', batch_key(id), 'ttl', 'webhookHost', 'stopped')
  local expires = now + tonumber(seen[1])
  redis.call('HSET', batch_key(id), 'state', seen[3] and 'canceled' or 'finished', 'finishedAt', now, 'expiresAt', expires)
  redis.call('ZADD', DUE, expires, 'batch-' .. id)
  -- Names are for appends; there will be none.
  redis.call('UNLINK', names_key(id))
  if seen[2] then
    redis.call('HSET', batch_key(id), 'webhookStatus', 'pending', 'webhookNextAt', now)
    add_delivery(batch_key(id), id, seen[2], 0)
  end
end

-- Every item has ended and none will come: what is left is to write the output, or nothing.
local function look_whether_done(id)
  local seen = redis.call('HMGET', batch_key(id), 'closedAt', 'finishedAt', 'total', 'ended', 'writeStatus', 'stopped')
  if not seen[1] or seen[2] or seen[3] ~= seen[4] then return end
  local write = seen[5]
  if write and not seen[6] and write ~= 'done' and write ~= 'failed' then
    if not redis.call('ZSCORE', TASKS, task_name('write', id)) then add_task('write', id, now) end
    return
  end
  finish_batch(id)
end

-- The job of an item has ended: its record goes, what came of it joins the results.
local function end_item(job, status, code, detail, known)
  local outcome = { l = job.line or nil, j = job.id, a = job.attempts, m = known.timings, f = known.image, r = known.result }
  if code then
    outcome.c = code
    outcome.d = detail
  end
  redis.call('DEL', job_key(job.id))
  redis.call('SREM', active_key(job.batch), job.id)
  add_result(job.batch, job.name, status == 'expired' and 'failed' or status, outcome)
  if status ~= 'canceled' then count_once(batch_key(job.batch), 'rate') end
  look_whether_done(job.batch)
  batch_changed(job.batch)
end

-- No more items come in: whoever may list some has done so, too.
local function close_batch(id)
  local listing = redis.call('HGET', batch_key(id), 'listStatus')
  redis.call('HSET', batch_key(id), 'state', 'running')
  if not listing or listing == 'done' or listing == 'failed' then
    redis.call('HSET', batch_key(id), 'closedAt', now)
    look_whether_done(id)
  end
  batch_changed(id)
end

-- Erases all that is left of a batch none of whose items has a record or waits.
local function erase_batch(id)
  local seen = redis.call('HMGET', batch_key(id), 'resultBytes', 'webhookHost')
  redis.call('UNLINK', results_key(id), names_key(id), lane_key(batch_lane(id)), active_key(id))
  redis.call('DEL', batch_key(id))
  redis.call('ZREM', DUE, 'batch-' .. id)
  redis.call('ZREM', TASKS, task_name('list', id), task_name('write', id))
  redis.call('HINCRBY', STATS, 'resultBytes', -tonumber(seen[1] or 0))
  if seen[2] then drop_delivery(id, seen[2]) end
end

-- Stops a batch: nothing of it starts from here on. `erase`: nothing of it is kept either, nor shown.
local function stop_batch(id, erase)
  local fields = { 'state', 'canceled', 'stopped', 1 }
  if erase then
    fields[#fields + 1] = 'erased'
    fields[#fields + 1] = 1
  end
  redis.call('HSET', batch_key(id), unpack(fields))
  redis.call('HSETNX', batch_key(id), 'closedAt', now)
  redis.call('ZREM', TASKS, task_name('list', id), task_name('write', id))
  for _, kind in ipairs({ 'list', 'write' }) do
    local status = redis.call('HGET', batch_key(id), kind .. 'Status')
    if status and status ~= 'done' and status ~= 'failed' then
      redis.call('HSET', batch_key(id), kind .. 'Status', 'failed', kind .. 'Code', 'canceled', kind .. 'Detail', 'The batch was canceled.')
    end
  end
  redis.call('ZADD', DUE, now, 'batch-' .. id)
  batch_changed(id)
end

-- When `sweep` must look at a live batch next.
local function schedule_batch(id)
  local seen = redis.call('HMGET', batch_key(id), 'state', 'lastAppend')
  local wait = ({ building = ABANDONED, open = IDLE })[seen[1]]
  redis.call('ZADD', DUE, wait and tonumber(seen[2]) + wait or now + IDLE, 'batch-' .. id)
end
