-- Takes items into a batch, all or none.
-- KEYS 1 prefix
-- ARGV 1 batch  2 owner, '' for a task  3 'skip' or 'fail': what becomes of an item whose name is there already
--      4 max waiting  5 max blob bytes  6 max result bytes  7 max ms of the oldest
--      8 lease of the task that lists, '' for a caller  9 the task's new state  10 ms its lease lasts from now
--      then for each item: job id, name or '', line or '', 'inline' | 'url' | 'error', url or error code, image or error detail
-- Returns {'ok', accepted, skipped, failed, turn, turn, ...}: the turns are for BullMQ | {'full', reason, ms to try again}
--       | {'gone'} no such batch of this owner | {'closed'} | {'lost'} the lease is not the task's any more
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ../lane/lib.lua
--- @include ../limits/throughput.lua
--- @include ../limits/admission.lua
local id, twice, lease = ARGV[1], ARGV[3], ARGV[8]
local seen = redis.call('HMGET', batch_key(id), 'owner', 'state', 'erased', 'stopped', 'listLease', 'total', 'ended')
if lease ~= '' then
  local leased = redis.call('ZSCORE', TASKS, task_name('list', id))
  if seen[5] ~= lease or seen[4] or not leased then return { 'lost' } end
else
  if seen[1] ~= ARGV[2] or seen[3] then return { 'gone' } end
  if seen[2] ~= 'open' and seen[2] ~= 'building' then return { 'closed' } end
end

-- What becomes of each item, before anything is written.
local given, asked = {}, {}
for at = 11, #ARGV, 6 do
  local name = ARGV[at + 1]
  given[#given + 1] = { j = ARGV[at], n = name, l = tonumber(ARGV[at + 2]), kind = ARGV[at + 3], a = ARGV[at + 4], b = ARGV[at + 5] }
  if name ~= '' then asked[#asked + 1] = name end
end
local names = {}
if #asked > 0 then
  for i, known in ipairs(redis.call('SMISMEMBER', names_key(id), unpack(asked))) do names[asked[i]] = known == 1 end
end
local new, skipped, waiting, bytes = {}, 0, 0, 0
local new_names, name_bytes = {}, 0
for _, item in ipairs(given) do
  local known = names[item.n]
  if known and twice == 'skip' then
    skipped = skipped + 1
  else
    if known then
      item = { j = item.j, n = '', l = item.l, kind = 'error', a = 'invalid_request', b = 'id: is given to an earlier item of the batch' }
    end
    if item.n ~= '' then
      names[item.n] = true
      new_names[#new_names + 1] = item.n
      name_bytes = name_bytes + #item.n + NAME_OVERHEAD
    end
    if item.kind ~= 'error' then
      waiting = waiting + 1
      if item.kind == 'inline' then bytes = bytes + #item.b end
    end
    new[#new + 1] = item
  end
end
if #new > 0 then
  local reason, retry = refusal('bulk', waiting, bytes, read_limits(4), nil, nil, true)
  if reason then return { 'full', reason, retry } end
end

local total, ended, failed, result_bytes = tonumber(seen[6]), tonumber(seen[7]), 0, 0
local entries = {}
for i, item in ipairs(new) do
  if item.n == '' then item.n = string.format('#%d', total + i) end
  if item.kind == 'error' then
    failed = failed + 1
    result_bytes = result_bytes + list_result(id, ended + failed, item.n, 'failed', { l = item.l, c = item.a, d = item.b, a = 0 })
  else
    local entry = { j = item.j, n = item.n, l = item.l, t = now }
    if item.kind == 'inline' then
      entry.b = #item.b
      if #item.b > 0 then redis.call('SET', blob_key(item.j), item.b) end
    else
      entry.u = item.a
    end
    entries[#entries + 1] = cjson.encode(entry)
  end
end
if #new_names > 0 then redis.call('SADD', names_key(id), unpack(new_names)) end
if #entries > 0 then redis.call('RPUSH', lane_key(batch_lane(id)), unpack(entries)) end
if waiting > 0 then begin_waiting('bulk') end
if #new > 0 then
  redis.call('HINCRBY', batch_key(id), 'total', #new)
  redis.call('HINCRBY', batch_key(id), 'queued', waiting)
  redis.call('HINCRBY', STATS, 'items', waiting)
  redis.call('HINCRBY', STATS, 'blobBytes', bytes)
  redis.call('HINCRBY', batch_key(id), 'nameBytes', name_bytes)
  charge_batch(id, name_bytes + result_bytes)
  count_ends(id, 'failed', failed)
end
redis.call('HSET', batch_key(id), 'lastAppend', now)
if lease ~= '' then
  redis.call('HSET', batch_key(id), 'listState', ARGV[9], 'listTries', 0)
  redis.call('ZADD', TASKS, now + tonumber(ARGV[10]), task_name('list', id))
end
if seen[2] == 'building' or seen[2] == 'open' then schedule_batch(id) end
batch_changed(id)
return { 'ok', waiting, skipped, failed, unpack(issue_turns(batch_lane(id))) }
