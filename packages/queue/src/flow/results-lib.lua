-- Bytes of kept results and of webhooks to be delivered: of all flows (stats.resultBytes) and of each (flow-results), of webhooks also
-- by receiver (flow-webhooks).
-- `*` of flow-results is stats.resultBytes as its last change left it. Where they differ, a process of another release has charged or
-- returned bytes, and a new epoch begins: all flows count from nothing. Results are kept for hours, so each thing that has bytes names
-- the epoch in which they count with its flow, and returns them in that epoch only. What counted in an earlier one, or never, counts as
-- nobody's until it changes: then all of it does. (Changes of another release that amount to nothing stay unnoticed until then, or until
-- the last worker of it is gone: workers-lib.lua.)
-- Invariants, after each script, unless a process of another release runs:
--   what a flow has in flow-results is the sum of what its things have that name the current epoch: `resultBytes` of records, batches and
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

-- Something of a flow has `bytes` more, or less, and `kept` from now on. `epoch`: the one it names. Returns the epoch it must name from
-- now on, and how many bytes more its flow has.
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
