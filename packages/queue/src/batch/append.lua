-- Appends items to a batch, all or none.
-- `owner` is a caller's; a task that lists has `task` = { lease, state (its new one), leaseMs (from now on) } instead.
-- `duplicates` is what becomes of an item whose name the batch has already: 'skip' or 'fail'.
-- `items` = { { id, name or nil, line or nil, kind = 'inline' | 'url' | 'error', head = url or error code, body = image or error detail }, ... }
-- Returns {'ok', accepted, skipped, failed, token, token, ...}: lane tokens for BullMQ | {'full', reason, ms to try again}
--       | {'gone'} no such batch of this owner | {'closed'} | {'lost'} the task no longer has the lease
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ../lane/lib.lua
--- @include ../limits/throughput.lua
--- @include ../limits/admission.lua
local id, lease = args.id, args.lease
local batch = redis.call('HMGET', batch_key(id), 'owner', 'state', 'erased', 'stopped', 'listLease', 'total', 'ended', 'flow', 'maxPending')
local flow = batch[8] or batch[1]
if lease then
  local leased = redis.call('ZSCORE', TASKS, task_name('list', id))
  if tonumber(batch[5]) ~= lease or batch[4] or not leased then return { 'lost' } end
else
  if batch[1] ~= args.owner or batch[3] then return { 'gone' } end
  if batch[2] ~= 'open' and batch[2] ~= 'building' then return { 'closed' } end
end

-- What becomes of each item, before anything is written.
local asked = {}
for _, item in ipairs(args.items) do
  if item.name then asked[#asked + 1] = item.name end
end
local has_name = {}
if #asked > 0 then
  for i, has in ipairs(redis.call('SMISMEMBER', names_key(id), unpack(asked))) do has_name[asked[i]] = has == 1 end
end
local new, skipped, waiting, bytes = {}, 0, 0, 0
local new_names, name_bytes = {}, 0
for _, item in ipairs(args.items) do
  local duplicate = item.name and has_name[item.name]
  if duplicate and args.duplicates == 'skip' then
    skipped = skipped + 1
  else
    if duplicate then
      item = { id = item.id, line = item.line, kind = 'error', head = 'invalid_request', body = DUPLICATE_ITEM_TEXT }
    end
    if item.name then
      has_name[item.name] = true
      new_names[#new_names + 1] = item.name
      name_bytes = name_bytes + #item.name + NAME_OVERHEAD_BYTES
    end
    if item.kind ~= 'error' then
      waiting = waiting + 1
      if item.kind == 'inline' then bytes = bytes + #item.body end
    end
    new[#new + 1] = item
  end
end
if #new > 0 then
  local reason, retry = refusal({
    queue = 'bulk', count = waiting, bytes = bytes, limits = args.limits, in_lane = true,
    flow = flow, most_of_flow = tonumber(batch[9] or nil),
  })
  if reason then return { 'full', reason, retry } end
end

local total, ended, failed, result_bytes = tonumber(batch[6]), tonumber(batch[7]), 0, 0
local entries = {}
for i, item in ipairs(new) do
  local name = item.name or string.format('#%d', total + i)
  if item.kind == 'error' then
    failed = failed + 1
    result_bytes = result_bytes
      + list_result(id, ended + failed, name, 'failed', { l = item.line, c = item.head, d = item.body, a = 0 })
  else
    local entry = { j = item.id, n = name, l = item.line, t = now }
    if item.kind == 'inline' then
      entry.b = #item.body
      if #item.body > 0 then redis.call('SET', blob_key(item.id), item.body) end
    else
      entry.u = item.head
    end
    entries[#entries + 1] = cjson.encode(entry)
  end
end
if #new_names > 0 then redis.call('SADD', names_key(id), unpack(new_names)) end
if #entries > 0 then
  redis.call('RPUSH', lane_key(batch_lane(id)), unpack(entries))
  if is_fair() then join_flow('bulk', flow, batch_lane(id)) end
end
if waiting > 0 then on_enqueue('bulk') end
if #new > 0 then
  redis.call('HINCRBY', batch_key(id), 'total', #new)
  redis.call('HINCRBY', batch_key(id), 'queued', waiting)
  redis.call('HINCRBY', STATS, 'items', waiting)
  charge_blob(flow, bytes)
  redis.call('HINCRBY', batch_key(id), 'nameBytes', name_bytes)
  charge_batch(id, name_bytes + result_bytes)
  count_ends(id, 'failed', failed)
end
redis.call('HSET', batch_key(id), 'lastAppend', now)
if lease then
  redis.call('HSET', batch_key(id), 'listState', args.state, 'listTries', 0)
  redis.call('ZADD', TASKS, now + args.leaseMs, task_name('list', id))
end
if batch[2] == 'building' or batch[2] == 'open' then schedule_batch(id) end
batch_changed(id)
return { 'ok', waiting, skipped, failed, unpack(issue_tokens(batch_lane(id))) }
