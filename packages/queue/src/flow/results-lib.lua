-- Bytes of kept results and undelivered webhooks: of all flows (stats.resultBytes) and of each flow (flow-results); of webhooks also by
-- receiver (flow-webhooks).
-- `*` of flow-results is a copy of stats.resultBytes, made at its last change here. When the two differ, a process of another release has
-- charged or returned bytes. Then a new epoch begins: all flows count from zero. Results are kept for hours, so each record that has
-- bytes names the epoch in which they count with its flow, and returns them in that epoch only. The bytes of a record that names no
-- epoch, or an earlier one, count with no flow until they change; then all of them count. (Changes of another release that cancel each
-- other out are not noticed until the next change, or until its last worker has stopped: workers-lib.lua.)
-- Invariants, after each script, unless a process of another release runs:
--   what a flow has in flow-results is the sum over its records that name the current epoch: `resultBytes` of records, batches and
--   cameras with that `resultEpoch`, `charge` of webhooks with that `chargeEpoch`;
--   "<host> <flow>" of flow-webhooks is that sum of its webhooks for the host, "* <flow>" of all of them.
--- @include ../redis/keys.lua

local function begin_result_epoch(total)
  redis.call('DEL', FLOW_RESULTS, FLOW_WEBHOOKS)
  if total > 0 then redis.call('HSET', FLOW_RESULTS, '*', total) end
  return string.format('%d', redis.call('HINCRBY', STATS, 'resultEpoch', 1))
end

local function add_to_flow(hash, field, bytes)
  if bytes ~= 0 and redis.call('HINCRBY', hash, field, bytes) <= 0 then redis.call('HDEL', hash, field) end
end

-- Changes the bytes of one of a flow's records by `bytes`, to `kept`. `epoch`: the one it names. Returns the epoch that it must name from
-- now on, and the change of its flow's bytes.
local function charge_results(flow, bytes, kept, epoch)
  local total = redis.call('HINCRBY', STATS, 'resultBytes', bytes)
  local current
  if redis.call('HINCRBY', FLOW_RESULTS, '*', bytes) == total then
    current = redis.call('HGET', STATS, 'resultEpoch') or '0'
  else
    current = begin_result_epoch(total)
  end
  local change = epoch == current and bytes or kept
  add_to_flow(FLOW_RESULTS, flow, change)
  if total == 0 then redis.call('DEL', FLOW_RESULTS, FLOW_WEBHOOKS) end
  return current, change
end
