-- Bytes of images that are kept, of all flows (stats.blobBytes) and of each (flow-bytes).
-- `*` of flow-bytes is stats.blobBytes as its last change left it. Where they differ, a process of another release has charged bytes,
-- and which flow has them is unknown: all flows begin again from nothing. So no flow ever counts more than it has; what it had before
-- counts as nobody's.
--- @include ../redis/keys.lua

local function charge_blob(flow, bytes)
  if bytes == 0 then return end
  local total = redis.call('HINCRBY', STATS, 'blobBytes', bytes)
  if redis.call('HINCRBY', FLOW_BYTES, '*', bytes) ~= total or total == 0 then
    redis.call('DEL', FLOW_BYTES)
    if total == 0 then return end
    redis.call('HSET', FLOW_BYTES, '*', total)
  end
  if redis.call('HINCRBY', FLOW_BYTES, flow, bytes) <= 0 then redis.call('HDEL', FLOW_BYTES, flow) end
end

local function bytes_of_flow(flow) return tonumber(redis.call('HGET', FLOW_BYTES, flow) or 0) end
