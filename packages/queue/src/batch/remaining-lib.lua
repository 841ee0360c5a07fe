-- Canceling what remains of a stopped batch.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ../job/lib.lua

-- Cancels at most `max` waiting items and all active ones; after the last, the batch ends. Returns whether more remains: the caller
-- then continues, or the sweep if the caller falls silent.
local function cancel_remaining(id, max)
  local batch = redis.call('HMGET', batch_key(id), 'stopped', 'erased', 'finishedAt', 'ended', 'flow', 'owner')
  if not batch[1] or batch[3] then return false end
  local entries = redis.call('LPOP', lane_key(batch_lane(id)), max) or {}
  local blobs, blob_bytes, result_bytes = {}, 0, 0
  for i, entry in ipairs(entries) do
    local item = cjson.decode(entry)
    if item.b then
      blobs[#blobs + 1] = blob_key(item.j)
      blob_bytes = blob_bytes + item.b
    end
    if not batch[2] then
      local more = { j = item.j, a = 0, l = item.l, c = 'canceled', d = BATCH_CANCELED_TEXT }
      result_bytes = result_bytes + list_result(id, tonumber(batch[4]) + i, item.n, 'canceled', more)
    end
  end
  if #blobs > 0 then
    redis.call('UNLINK', unpack(blobs))
    count_erasure()
  end
  if #entries > 0 then
    charge_blob(batch[5] or batch[6] or '', -blob_bytes)
    redis.call('HINCRBY', STATS, 'items', -#entries)
    redis.call('HINCRBY', batch_key(id), 'queued', -#entries)
    charge_batch(id, result_bytes)
    count_ends(id, 'canceled', #entries)
  end
  -- Active items are few: those that workers fetch or process now.
  for _, job_id in ipairs(redis.call('SMEMBERS', active_key(id))) do
    end_job(load_job(job_id), 'canceled', 'canceled', BATCH_CANCELED_TEXT)
  end
  batch_changed(id)
  if redis.call('LLEN', lane_key(batch_lane(id))) == 0 then
    finish_batch_if_done(id)
    return false
  end
  redis.call('ZADD', DUE, now + CANCEL_REMAINING_LEASE_MS, 'batch-' .. id)
  return true
end
