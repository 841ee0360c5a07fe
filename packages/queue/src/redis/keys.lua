-- Every key is derived from KEYS[1], the installation's prefix. Its braces put all of them in one Redis Cluster slot,
-- the one KEYS[1] routes the script to.
--   <prefix>:job:<id>        hash    the record: see packages/queue/src/job/record.ts
--   <prefix>:blob:<id>       string  image bytes of an inline job, until the job ends
--   <prefix>:waiting:<queue> zset    ids of queued jobs by the time since which they could run
--   <prefix>:due             zset    every id by the time at which `sweep` must look at it next; also turns, "batch-<id>" and "camera-<name>"
--   <prefix>:stats           hash    blobBytes, resultBytes, deliveryBytes, deliveryBytes:<host>, processing:<queue>, drain:<queue>, mark:<queue>,
--                                    items (that wait in lanes of batches), turns (given out so far), memoryUsed, memoryLimit
--   <prefix>:workers         hash    worker id -> "<time> <json>"
--   <prefix>:idem:<key>      string  "<id> <fingerprint>": the job that has an idempotency key; lives and dies with its record
--   <prefix>:gone:<id>       string  owner of an erased job, for a while; nothing but `erase` and waiters looks at it
--   <prefix>:delivery:<id>   hash    a webhook not yet delivered: a copy of the ended record, webhookTries and charge
--   <prefix>:pending:<host>  zset    ids of a host's deliveries nobody tries just now, by the time they are due
--   <prefix>:leases:<host>   zset    ids of a host's deliveries in a worker's hands, by the time the lease ends
--   <prefix>:hosts           zset    hosts with deliveries, by the time at which to look at them next
--   <prefix>:batch:<id>      hash    a batch: see packages/queue/src/batch/record.ts
--   <prefix>:names:<batch>   set     names of its items
--   <prefix>:results:<batch> stream  how its items ended, by the number of the end: "<n>-0"
--   <prefix>:active:<batch>  set     ids of its items that have a record: a worker has taken them up
--   <prefix>:tasks           zset    "list <batch>" and "write <batch>" by the time at which somebody may take them
--   <prefix>:camera:<name>   hash    a camera, its name "<owner>/<camera>": see packages/queue/src/camera/record.ts
--   <prefix>:cameras         zset    all of them by the time of their last frame
--   <prefix>:frames:<name>   stream  how its frames ended, by the number of the end
--   <prefix>:lane:<lane>     list    what waits in a lane ("batch:<id>": items as JSON; "camera:<name>": ids of frames)
--   <prefix>:turns           hash    turn -> "<lane>", or "<lane> <id>" once a worker has taken up a job by it (see turn.lua)
--   <prefix>:bull:...                BullMQ's own keys; we only look whether a job, its lock and its list exist
-- Channels: <prefix>:ended "<id> <status>", <prefix>:changed "<id>" of a job that goes on, <prefix>:cancel "<id>",
-- also "<batch>" and "camera:<name>" whenever something of theirs has changed,
-- <prefix>:delivery "<id>" of a webhook that has just become due, <prefix>:task "<batch>" of a task that has.
local PREFIX = KEYS[1]
local DUE = PREFIX .. ':due'
local STATS = PREFIX .. ':stats'
local WORKERS = PREFIX .. ':workers'
local HOSTS = PREFIX .. ':hosts'
local TASKS = PREFIX .. ':tasks'
local TURNS = PREFIX .. ':turns'
local CAMERAS = PREFIX .. ':cameras'
local QUEUES = { 'interactive', 'bulk', 'cameras' }

local function job_key(id) return PREFIX .. ':job:' .. id end
local function blob_key(id) return PREFIX .. ':blob:' .. id end
local function reservation_key(name) return PREFIX .. ':idem:' .. name end
local function tombstone_key(id) return PREFIX .. ':gone:' .. id end
local function delivery_key(id) return PREFIX .. ':delivery:' .. id end
local function pending_key(host) return PREFIX .. ':pending:' .. host end
local function leases_key(host) return PREFIX .. ':leases:' .. host end
local function waiting_key(queue) return PREFIX .. ':waiting:' .. queue end
local function bull_key(queue, name) return PREFIX .. ':bull:' .. queue .. ':' .. name end
local function batch_key(id) return PREFIX .. ':batch:' .. id end
local function names_key(batch) return PREFIX .. ':names:' .. batch end
local function results_key(batch) return PREFIX .. ':results:' .. batch end
local function active_key(batch) return PREFIX .. ':active:' .. batch end
local function camera_key(name) return PREFIX .. ':camera:' .. name end
local function frames_key(name) return PREFIX .. ':frames:' .. name end
local function lane_key(lane) return PREFIX .. ':lane:' .. lane end
