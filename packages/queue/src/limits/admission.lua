-- Whether jobs may enter. `limits` = { maxWaiting, maxBlobBytes, maxResultBytes, maxOldestMs }. Each queue may take its share of them
-- (QUEUE_SHARE); the rest is for the queues before it.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./throughput.lua
--- @include ./memory.lua
--- @include ../flow/lib.lua
--- @include ../flow/bytes-lib.lua
--- @include ./shares.lua
--- @include ./result-shares.lua

-- Single jobs that are before one that a flow submits now: its own, those that workers have claimed, and of each other flow as many as
-- have a turn until then. A job whose image is still on its way waits for no engine.
local function jobs_before(queue, flow)
  local stats = redis.call('HMGET', STATS, 'fetching:' .. queue, 'unfair', 'alone:' .. queue)
  local queued = math.max(0, redis.call('ZCARD', waiting_key(queue)) - tonumber(stats[1] or 0))
  if stats[2] or stats[3] == flow then return queued end
  local own = redis.call('ZCARD', jobs_lane_key(queue, flow))
  local before, unclaimed, alone = own, own, true
  for _, other in ipairs(queued_flows(queue, ESTIMATED_FLOWS)) do
    if other ~= flow then
      alone = false
      local theirs = redis.call('ZCARD', jobs_lane_key(queue, other))
      unclaimed = unclaimed + theirs
      before = before + math.min(theirs, math.ceil((own + 1) * weight_of(other) / weight_of(flow)))
    end
  end
  return alone and queued or before + math.max(0, queued - unclaimed)
end

local function oldest_age(queue)
  local first = redis.call('ZRANGE', waiting_key(queue), 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, now - tonumber(first[2])) or 0
end

local function retry_after(ms) return math.floor(math.min(MAX_RETRY_MS, math.max(MIN_RETRY_MS, ms))) end

-- Why a submission is refused, and the milliseconds after which to try again; nil when it may enter. `submission`:
--   queue, count   how many jobs for which queue
--   bytes          of all their images
--   limits
--   wait_ms        how long the caller waits for the result; nil when nobody waits
--   webhook_host   nil without a webhook
--   flow           whose turns and shares they count in; nil for those that any flow could submit
--   most_of_flow   how many of the flow may wait, whatever its share; nil without that limit
--   in_lane        they wait in a lane, where the age of other jobs says nothing because lanes take turns
local function refusal(submission)
  local queue, count, bytes, limits = submission.queue, submission.count, submission.bytes, submission.limits
  local share = QUEUE_SHARE[queue]
  local waiting, listed = 0, 0
  for _, name in ipairs(QUEUES) do
    waiting = waiting + queued_count(name)
    listed = listed + redis.call('LLEN', bull_key(name, 'wait'))
  end
  local interval = read_throughput(queue).interval
  local free = limits.maxWaiting * share - waiting - count
  -- By then a tenth of the waiting jobs have ended, and there is room for everything that is asked for.
  if free < 0 then return 'waiting', retry_after(math.max(waiting / 10, -free) * interval) end
  local used = redis.call('HMGET', STATS, 'blobBytes', 'resultBytes', 'unfair')
  local fair = not used[3]
  local flow = fair and submission.flow or nil
  if flow and count > 0 then
    local reason, own = flow_refusal(flow, count, submission.most_of_flow, free, waiting, submission.in_lane)
    if reason then return reason, retry_after(own * interval / 10) end
  end
  if listed + count > limits.maxWaiting * BULLMQ_LIST_FACTOR then return 'listed', MAX_RETRY_MS end
  local blob_bytes = tonumber(used[1] or 0)
  local free_bytes = limits.maxBlobBytes * share - blob_bytes - bytes
  if free_bytes < 0 then return 'blob_bytes', retry_after(waiting * interval / 10) end
  if flow and bytes > 0 and near_share(blob_bytes + bytes, free_bytes) then
    local own = bytes_of_flow(flow)
    if own > 0 and own + bytes > share_of(flow, free_bytes) then
      return blob_bytes > own and 'share_blob_bytes' or 'blob_bytes', retry_after(waiting * interval / 10)
    end
  end
  local result_bytes = limits.maxResultBytes * share
  local full = kept_refusal(flow, fair, count, {
    reason = 'result_bytes', bytes = used[2], limit = result_bytes, hash = FLOW_RESULTS, field = flow, each = EXPECTED_RESULT_BYTES,
  })
  if full then return full, MAX_RETRY_MS end
  if memory_short(bytes, MEMORY_SHARE * share) then return 'memory', retry_after(waiting * interval / 10) end
  local host = submission.webhook_host
  if host then
    local undelivered = redis.call('HMGET', STATS, 'deliveryBytes', 'deliveryBytes:' .. host)
    local each = EXPECTED_RESULT_BYTES + WEBHOOK_OVERHEAD_BYTES
    full = kept_refusal(flow, fair, count, {
      reason = 'host_webhooks', bytes = undelivered[2], limit = result_bytes * HOST_WEBHOOKS_SHARE,
      hash = FLOW_WEBHOOKS, field = host .. ' ' .. (flow or ''), each = each,
    }) or kept_refusal(flow, fair, count, {
      reason = 'webhooks', bytes = undelivered[1], limit = result_bytes * WEBHOOKS_SHARE,
      hash = FLOW_WEBHOOKS, field = '* ' .. (flow or ''), each = each,
    })
    if full then return full, MAX_RETRY_MS end
  end
  if not submission.in_lane then
    local oldest = 0
    if not fair then oldest = oldest_age(queue) elseif flow then oldest = oldest_age_of_flow(queue, flow) end
    if oldest > limits.maxOldestMs * share then return 'oldest', retry_after(oldest / 10) end
  end
  if submission.wait_ms then
    local estimate = jobs_before(queue, submission.flow) * interval
    if estimate > submission.wait_ms then return 'wait', retry_after(estimate - submission.wait_ms) end
  end
  return nil
end
