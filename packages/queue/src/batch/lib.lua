-- Batches: their counts, their results, and when they are done.
-- Invariants, after each script:
--   total = queued + processing + ended, and ended = succeeded + failed + canceled = entries of `results:<id>`, whose ids are 1-0 .. ended-0;
--   queued = entries of the lane + active items that are `queued`; stats.items is the sum of all batches' lanes;
--   of an erased batch, which nobody is shown, items that end without having run are counted and not listed;
--   resultBytes of the hash is what the batch is charged in stats.resultBytes: itself, its results and, until it closes, its names,
--   which are nameBytes;
--   a batch is in `due` as "batch-<id>"; one that is stopped not before whoever drains it has fallen silent.
--- @include ../webhook/lib.lua
--- @include ../limits/rate.lua
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua

-- What a batch takes besides what its maker wrote into it: 35 short fields. Empty ones must not be for nothing.
local BATCH_OVERHEAD = 2048
-- What an entry takes besides what its sender or its image make of it.
local ENTRY_OVERHEAD = 128
-- What a name takes in its set besides its text.
local NAME_OVERHEAD = 64
-- An open batch that nobody appends to closes itself after this, ms.
local IDLE = 3600000
-- One whose maker falls silent before it is complete is erased after this, ms.
local ABANDONED = 60000

-- How soon the sweep goes on with what somebody has begun to drain, ms.
local DRAIN_LEASE = 5000

-- An item waits for its turn as long as its batch takes; this only bounds what nobody ever runs, ms.
local ITEM_START_WITHIN = 604800000

local function batch_lane(id) return 'batch:' .. id end

local function charge_batch(id, bytes)
  redis.call('HINCRBY', batch_key(id), 'resultBytes', bytes)
  redis.call('HINCRBY', STATS, 'resultBytes', bytes)
end

-- Lists an end at its place. `more`: field -> text of what else is known (l line, j job, a attempts, c code, d detail, f image,
-- m timings, r result). Returns what it is charged; whoever calls keeps the counts.
local function list_result(id, place, name, status, more)
  local entry = { 'i', name, 's', status, 't', now }
  local bytes = ENTRY_OVERHEAD + #name
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

-- Forgets all of a batch but its webhook, if that is on its way. None of its items has a record or waits.
local function forget_batch(id)
  local bytes = redis.call('HGET', batch_key(id), 'resultBytes')
  redis.call('UNLINK', results_key(id), names_key(id), lane_key(batch_lane(id)), active_key(id))
  redis.call('DEL', batch_key(id))
  redis.call('ZREM', DUE, 'batch-' .. id)
  redis.call('ZREM', TASKS, task_name('list', id), task_name('write', id))
  redis.call('HINCRBY', STATS, 'resultBytes', 0 - tonumber(bytes or 0))
end

local function erase_batch(id)
  local host = redis.call('HGET', batch_key(id), 'webhookHost')
  forget_batch(id)
  if host then drop_delivery(id, host) end
end

-- Names are for appends; there will be none.
local function drop_names(id)
  redis.call('UNLINK', names_key(id))
  charge_batch(id, 0 - tonumber(redis.call('HGET', batch_key(id), 'nameBytes') or 0))
  redis.call('HDEL', batch_key(id), 'nameBytes')
end

-- The batch is over: it is kept for its time, and its webhook becomes due.
local function finish_batch(id)
  local seen = redis.call('HMGET', batch_key(id), 'ttl', 'webhookHost', 'stopped')
  local expires = now + tonumber(seen[1])
  redis.call('HSET', batch_key(id), 'state', seen[3] and 'canceled' or 'finished', 'finishedAt', now, 'expiresAt', expires)
  redis.call('ZADD', DUE, expires, 'batch-' .. id)
  if seen[2] then
    redis.call('HSET', batch_key(id), 'webhookStatus', 'pending', 'webhookNextAt', now)
    add_delivery(batch_key(id), id, seen[2], 0)
  end
end

-- Every item has ended and none will come: what is left is to write the output, or nothing. Of an erased batch nothing is left.
local function look_whether_done(id)
  local seen = redis.call('HMGET', batch_key(id), 'closedAt', 'finishedAt', 'total', 'ended', 'writeStatus', 'stopped', 'erased')
  if not seen[1] or seen[2] or seen[3] ~= seen[4] then return end
  if seen[7] then return erase_batch(id) end
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
  status = status == 'expired' and 'failed' or status
  local place = tonumber(redis.call('HGET', batch_key(job.batch), 'ended')) + 1
  charge_batch(job.batch, list_result(job.batch, place, job.name, status, outcome))
  count_ends(job.batch, status, 1)
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
    drop_names(id)
    look_whether_done(id)
  end
  batch_changed(id)
end

-- Stops a batch: nothing of it starts from here on, if `drain_batch` is called in the same script. `erase`: nothing of it is kept
-- either, nor shown. The first write frees memory: Redis then lets the script go on even when it is full.
local function stop_batch(id, erase)
  redis.call('ZREM', TASKS, task_name('list', id), task_name('write', id))
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
      redis.call('HSET', batch_key(id), kind .. 'Status', 'failed', kind .. 'Code', 'canceled', kind .. 'Detail', 'The batch was canceled.')
    end
  end
  batch_changed(id)
end

-- When `sweep` must look at a live batch next.
local function schedule_batch(id)
  local seen = redis.call('HMGET', batch_key(id), 'state', 'lastAppend')
  local wait = ({ building = ABANDONED, open = IDLE })[seen[1]]
  redis.call('ZADD', DUE, wait and tonumber(seen[2]) + wait or now + IDLE, 'batch-' .. id)
end
