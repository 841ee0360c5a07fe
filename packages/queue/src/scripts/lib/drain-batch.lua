-- Ends what waits of a stopped batch, at most `max` items at a time; then the jobs workers have in hand; then the batch.
-- Returns whether there is more to do.
local function drain_batch(id, max)
  local stopped = redis.call('HMGET', batch_key(id), 'stopped', 'erased', 'finishedAt')
  if not stopped[1] or stopped[3] then return false end
  local entries = redis.call('LPOP', lane_key(batch_lane(id)), max) or {}
  for _, entry in ipairs(entries) do
    local item = cjson.decode(entry)
    if item.b then
      redis.call('UNLINK', blob_key(item.j))
      redis.call('HINCRBY', STATS, 'blobBytes', -item.b)
    end
    redis.call('HINCRBY', STATS, 'items', -1)
    redis.call('HINCRBY', batch_key(id), 'queued', -1)
    add_result(id, item.n, 'canceled', { j = item.j, a = 0, l = item.l, c = 'canceled', d = 'The batch was canceled.' })
  end
  -- Those in hand are few: what workers fetch and look at just now.
  for _, job_id in ipairs(redis.call('SMEMBERS', active_key(id))) do
    end_job(load_job(job_id), 'canceled', 'canceled', 'The batch was canceled.')
  end
  batch_changed(id)
  if redis.call('LLEN', lane_key(batch_lane(id))) > 0 then return true end
  if stopped[2] then
    erase_batch(id)
  elseif not redis.call('HGET', batch_key(id), 'finishedAt') then
    look_whether_done(id)
  end
  return false
end
