-- Erases a camera: its waiting frames and its results a chunk a call, so that Redis can answer others between; then the frames that
-- workers have claimed, and the camera. A frame that ended without a result leaves its job, which says so, for its minute.
-- Returns 1 when more remains, 0 when there is no such camera now, -1 when there was none lately either. Repeating it continues.
--- @include ../redis/keys.lua
--- @include ../job/lib.lua
--- @include ./lib.lua
--- @include ./frames-lib.lua
local name, max = args.camera, args.max
local tombstone = tombstone_key('camera:' .. name)
if redis.call('EXISTS', camera_key(name)) == 0 then return redis.call('EXISTS', tombstone) - 1 end

if end_superseded(name, max, 'canceled', CAMERA_ERASED_TEXT) > 0 then return 1 end
if end_pending(name, max, 'canceled', CAMERA_ERASED_TEXT) > 0 then return 1 end
local results = redis.call('XRANGE', frames_key(name), '-', '+', 'COUNT', max)
local bytes = 0
for _, result in ipairs(results) do
  local fields = by_name(result[2])
  local job = load_job(fields.j)
  if job and not is_live(job) then erase_record(job) end
  bytes = bytes + entry_bytes(result[2])
  redis.call('XDEL', frames_key(name), result[1])
end
if #results > 0 then
  charge_camera(name, -bytes)
  return 1
end
end_claimed(name, 'canceled', CAMERA_ERASED_TEXT)
forget_camera(name)
redis.call('SET', tombstone, '', 'PX', args.tombstoneMs)
return 0
