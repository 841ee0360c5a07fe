-- Ends what waits of a stopped batch, at most `max` items at a time, and what workers have in hand of it; at last the batch.
-- Returns whether there is more to do: whoever calls goes on then, and the sweep should that one fall silent.
--- @include ../job/lib.lua
--- @include ./lib.lua
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
local CANCELED = 'The batch was canceled.'

local function drain_batch(id, max)
  local seen = redis.call('HMGET', batch_key(id), 'stopped', 'erased', 'finishedAt', 'ended')
  if not seen[1] or seen[3] then return false end
  local entries = redis.call('LPOP', lane_key(batch_lane(id)), max) or {}
  local blobs, blob_bytes, result_bytes = {}, 0, 0
  for i, entry in ipairs(entries) do
    local item = cjson.decode(entry)
    if item.b then
      blobs[#blobs + 1] = blob_key(item.j)
      blob_bytes = blob_bytes + item.b
    end
    if not seen[2] then
      local more = { j = item.j, a = 0, l = item.l, c = 'canceled', d = CANCELED }
      result_bytes = result_bytes + list_result(id, tonumber(seen[4]) + i, item.n, 'canceled', more)
    end
  end
  if #blobs > 0 then redis.call('UNLINK', unpack(blobs)) end
  if #entries > 0 then
    redis.call('HINCRBY', STATS, 'blobBytes', 0 - blob_bytes)
    redis.call('HINCRBY', STATS, 'items', -#entries)
    redis.call('HINCRBY', batch_key(id), 'queued', -#entries)
    charge_batch(id, result_bytes)
    count_ends(id, 'canceled', #entries)
  end
  -- Those in hand are few: what workers fetch and look at just now.
  for _, job_id in ipairs(redis.call('SMEMBERS', active_key(id))) do
    end_job(load_job(job_id), 'canceled', 'canceled', CANCELED)
  end
  batch_changed(id)
  if redis.call('LLEN', lane_key(batch_lane(id))) == 0 then
    look_whether_done(id)
    return false
  end
  redis.call('ZADD', DUE, now + DRAIN_LEASE, 'batch-' .. id)
  return true
end
