-- Every key is derived from KEYS[1], the installation's prefix. Its braces put all of them in one Redis Cluster slot,
-- the one KEYS[1] routes the script to.
--   <prefix>:job:<id>        hash    the record: see packages/queue/src/record/record.ts
--   <prefix>:blob:<id>       string  image bytes of an inline job, until the job ends
--   <prefix>:waiting:<queue> zset    ids of queued jobs by the time since which they could run
--   <prefix>:due             zset    every id by the time at which `sweep` must look at it next
--   <prefix>:stats           hash    blobBytes, resultBytes, deliveryBytes, deliveryBytes:<host>, processing:<queue>, drain:<queue>, mark:<queue>
--   <prefix>:workers         hash    worker id -> "<time> <json>"
--   <prefix>:idem:<key>      string  "<id> <fingerprint>": the job that has an idempotency key; lives and dies with its record
--   <prefix>:gone:<id>       string  owner of an erased job, for a while; nothing but `erase` and waiters looks at it
--   <prefix>:delivery:<id>   hash    a webhook not yet delivered: a copy of the ended record, webhookTries and charge
--   <prefix>:pending:<host>  zset    ids of a host's deliveries nobody tries just now, by the time they are due
--   <prefix>:leases:<host>   zset    ids of a host's deliveries in a worker's hands, by the time the lease ends
--   <prefix>:hosts           zset    hosts with deliveries, by the time at which to look at them next
--   <prefix>:bull:...                BullMQ's own keys; we only look whether a job, its lock and its list exist
-- Channels: <prefix>:ended "<id> <status>", <prefix>:changed "<id>" of a job that goes on, <prefix>:cancel "<id>",
-- <prefix>:delivery "<id>" of a webhook that has just become due.
local PREFIX = KEYS[1]
local DUE = PREFIX .. ':due'
local STATS = PREFIX .. ':stats'
local WORKERS = PREFIX .. ':workers'
local HOSTS = PREFIX .. ':hosts'
local QUEUES = { 'interactive', 'bulk' }

local function job_key(id) return PREFIX .. ':job:' .. id end
local function blob_key(id) return PREFIX .. ':blob:' .. id end
local function reservation_key(name) return PREFIX .. ':idem:' .. name end
local function tombstone_key(id) return PREFIX .. ':gone:' .. id end
local function delivery_key(id) return PREFIX .. ':delivery:' .. id end
local function pending_key(host) return PREFIX .. ':pending:' .. host end
local function leases_key(host) return PREFIX .. ':leases:' .. host end
local function waiting_key(queue) return PREFIX .. ':waiting:' .. queue end
local function bull_key(queue, name) return PREFIX .. ':bull:' .. queue .. ':' .. name end
