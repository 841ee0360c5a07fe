-- Erases a job of `owner`, ended or not: record, result, image, reservation and webhook. Nothing tells of it but a tombstone.
-- KEYS 1 prefix  ARGV 1 id  2 owner  3 ms the tombstone stays
-- Returns 1 when there is, or was until lately, such a job of this owner, else 0. Repeating it changes nothing.
-- Invariant: bytes are given back once, by the moves that end and erase. A live job ends `canceled` first, so that waiters
-- and its worker hear of it.
--- @include ../redis/keys.lua
--- @include ../webhook/lib.lua
--- @include ./lib.lua
local id, owner = ARGV[1], ARGV[2]
local job = load_job(id)
if not job then
  if redis.call('GET', tombstone_key(id)) == owner then return 1 end
  -- The record may have ended its time with the webhook still on its way.
  local delivery = redis.call('HMGET', delivery_key(id), 'owner', 'webhookHost', 'status')
  if delivery[1] ~= owner or not delivery[3] then return 0 end
  drop_delivery(id, delivery[2])
else
  if job.owner ~= owner then return 0 end
  if is_live(job) then
    end_job(job, 'canceled', 'canceled', 'The job was deleted.')
    job = load_job(id)
  end
  -- That of an item went when it ended.
  if job then erase_record(job) end
  if job and job.webhookHost then drop_delivery(id, job.webhookHost) end
end
redis.call('SET', tombstone_key(id), owner, 'PX', ARGV[3])
return 1
