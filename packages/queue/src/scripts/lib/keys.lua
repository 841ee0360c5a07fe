-- Every key is derived from KEYS[1], the installation's prefix. Its braces put all of them in one Redis Cluster slot,
-- the one KEYS[1] routes the script to.
--   <prefix>:job:<id>        hash    the record: see packages/queue/src/record/record.ts
--   <prefix>:blob:<id>       string  image bytes of an inline job, until the job ends
--   <prefix>:waiting:<queue> zset    ids of queued jobs by the time since which they could run
--   <prefix>:due             zset    every id by the time at which `sweep` must look at it next
--   <prefix>:stats           hash    blobBytes, resultBytes, processing:<queue>, drain:<queue>, mark:<queue>
--   <prefix>:workers         hash    worker id -> "<time> <json>"
--   <prefix>:bull:...                BullMQ's own keys; we only look whether a job, its lock and its list exist
-- Channels: <prefix>:ended "<id> <status>", <prefix>:cancel "<id>".
local PREFIX = KEYS[1]
local DUE = PREFIX .. ':due'
local STATS = PREFIX .. ':stats'
local WORKERS = PREFIX .. ':workers'
local QUEUES = { 'interactive', 'bulk' }

local function job_key(id) return PREFIX .. ':job:' .. id end
local function blob_key(id) return PREFIX .. ':blob:' .. id end
local function waiting_key(queue) return PREFIX .. ':waiting:' .. queue end
local function bull_key(queue, name) return PREFIX .. ':bull:' .. queue .. ':' .. name end
