-- Erases a job of `owner`, ended or not: record, result, image, reservation and webhook. Only a tombstone remains.
-- Returns 1 when there is, or was until lately, such a job of this owner, else 0. Repeating it changes nothing.
-- Invariant: bytes are returned once, by the moves that end and erase. A live job ends `canceled` first, so that its waiters and its
-- worker are notified.
--- @include ../redis/keys.lua
--- @include ../webhook/lib.lua
--- @include ./lib.lua
local id, owner = args.id, args.owner
local job = load_job(id)
if not job then
  if redis.call('GET', tombstone_key(id)) == owner then return 1 end
  -- The record may have ended its time while the webhook was undelivered.
  local webhook = redis.call('HMGET', delivery_key(id), 'owner', 'webhookHost', 'status')
  if webhook[1] ~= owner or not webhook[3] then return 0 end
  drop_webhook(id, webhook[2])
else
  if job.owner ~= owner then return 0 end
  if is_live(job) then
    end_job(job, 'canceled', 'canceled', JOB_ERASED_TEXT)
    job = load_job(id)
  end
  -- The record of an item went when it ended.
  if job then erase_record(job) end
  if job and job.webhookHost then drop_webhook(id, job.webhookHost) end
end
redis.call('SET', tombstone_key(id), owner, 'PX', args.tombstoneMs)
return 1
