-- Every key is derived from KEYS[1], the installation's prefix. Its braces put all keys into one slot of Redis Cluster, the one to
-- which KEYS[1] routes the script.
--   <prefix>:job:<id>        hash    the record of a job: see job/record.ts
--   <prefix>:blob:<id>       string  image bytes of an inline job, until the job ends
--   <prefix>:waiting:<queue> zset    ids of queued jobs by the time since which they could run
--   <prefix>:due             zset    by the time at which `sweep` must check it next: job ids, lane tokens, "batch-<id>", "camera-<name>"
--   <prefix>:stats           hash    blobBytes, resultBytes, deliveryBytes, deliveryBytes:<host>, processing:<queue>, drain:<queue> and
--                                    mark:<queue> (see limits/throughput.lua), items (that wait in lanes of batches), turns (lane tokens
--                                    issued so far), memoryUsed, memoryLimit, cameras:<kind> (how many), maxCameras,
--                                    resultEpoch (see flow/results-lib.lua), erasures, rewrittenErasures (see erasure/), openChecked, clock:<queue>, alone:<queue>
--                                    and unfair (see flow/lib.lua)
--   <prefix>:workers         hash    worker id -> "<time> <json>"
--   <prefix>:idem:<key>      string  "<id> <fingerprint>": the job that has an idempotency key; lives and dies with its record
--   <prefix>:gone:<id>       string  tombstone: owner of an erased job or batch, for a while; "camera:<name>": of an erased camera
--   <prefix>:delivery:<id>   hash    an undelivered webhook: a copy of the ended record, webhookTries and charge
--   <prefix>:pending:<host>  zset    ids of a host's webhooks that no worker has leased, by the time they are due
--   <prefix>:leases:<host>   zset    ids of a host's webhooks that a worker has leased, by the time the lease ends
--   <prefix>:hosts           zset    hosts with webhooks by the time at which to check them next
--   <prefix>:batch:<id>      hash    a batch: see batch/record.ts
--   <prefix>:open-batches    hash    batches that are open, each with its flow (see batch/open-lib.lua)
--   <prefix>:names:<batch>   set     names of its items
--   <prefix>:results:<batch> stream  how its items ended, by the number of the end: "<n>-0"
--   <prefix>:active:<batch>  set     ids of its items that have a record: a worker has claimed them
--   <prefix>:tasks           zset    "list <batch>" and "write <batch>" by the time at which a worker may lease them
--   <prefix>:camera:<name>   hash    a camera, its name "<owner>/<camera>": see camera/record.ts
--   <prefix>:cameras         zset    all cameras by the time of their last frame
--   <prefix>:cameras:<kind>  zset    flows by how many cameras of a kind they have, `decoded` or `undecoded` (see camera/limit-lib.lua)
--   <prefix>:cameras:<kind>:<flow>  zset  names of those cameras by the time of their last frame
--   <prefix>:frames:<name>   stream  how its frames ended, by the number of the end
--   <prefix>:superseded:<name> list ids of frames that a newer one has replaced and that are about to end: no worker may have them
--   <prefix>:lane:<lane>     list    what waits in a lane ("batch:<id>": items as JSON; "camera:<name>": ids of frames)
--   <prefix>:turns           hash    lane token -> "<lane>", or "<lane> <id>" once a worker has claimed a job by it (see lane/lib.lua)
--   <prefix>:flows:<queue>   zset    flows of which something waits in the queue unclaimed, by their turns (see flow/lib.lua, as the next)
--   <prefix>:lanes:<queue>:<flow>    zset  the lanes of a flow in which something waits, by their turns within it
--   <prefix>:lane:jobs:<queue>:<flow>  zset  ids of its single jobs that no worker has claimed, by the time since which they wait, less a constant when it was passed over
--   <prefix>:weights         hash    weights of flows that do not have 1 (see flow/set-weights.lua)
--   <prefix>:flow-bytes      hash    bytes of images that wait by flow, and all of them (see flow/bytes-lib.lua)
--   <prefix>:flow-results    hash    bytes of kept results and undelivered webhooks by flow, and all of them (see flow/results-lib.lua, as the next)
--   <prefix>:flow-webhooks   hash    bytes of undelivered webhooks by receiver and flow
--   <prefix>:flow-entries:<flow>  string  what waits in its lanes of batches and cameras, for a moment (see limits/shares.lua)
--   <prefix>:first-start     string  time of the installation's first start
--   <prefix>:rate:<owner>   string  see quota/lib.lua, as the next
--   <prefix>:calls:<owner>  zset
--   <prefix>:use:<owner>    hash    calls, refused and lastCallAt of an owner with a key, over all gateways
--   <prefix>:use-report:<gateway> string  number of the last report of such calls that was added for a gateway
--   <prefix>:bull:...                BullMQ's own keys; scripts only look whether a job, its lock and its list exist
-- Channels:
--   <prefix>:ended     "<id> <status>" of a job that has ended
--   <prefix>:changed   "<id>" of a job that continues; "<batch>" or "camera:<name>" whenever something of theirs has changed
--   <prefix>:cancel    "<id>" of a claimed job that has ended without its worker
--   <prefix>:delivery  "<id>" of a webhook that has just become due
--   <prefix>:task      "<batch>" of a task that has just become due
local PREFIX = KEYS[1]
local DUE = PREFIX .. ':due'
local STATS = PREFIX .. ':stats'
local WORKERS = PREFIX .. ':workers'
local HOSTS = PREFIX .. ':hosts'
local TASKS = PREFIX .. ':tasks'
local LANE_TOKENS = PREFIX .. ':turns'
local CAMERAS = PREFIX .. ':cameras'
local WEIGHTS = PREFIX .. ':weights'
local FLOW_BYTES = PREFIX .. ':flow-bytes'
local FLOW_RESULTS = PREFIX .. ':flow-results'
local FLOW_WEBHOOKS = PREFIX .. ':flow-webhooks'
local OPEN_BATCHES = PREFIX .. ':open-batches'

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
local function flow_counts_key(kind) return CAMERAS .. ':' .. kind end
local function flow_cameras_key(kind, flow) return CAMERAS .. ':' .. kind .. ':' .. flow end
local function superseded_key(name) return PREFIX .. ':superseded:' .. name end
local function frames_key(name) return PREFIX .. ':frames:' .. name end
local function rate_key(owner) return PREFIX .. ':rate:' .. owner end
local function use_key(owner) return PREFIX .. ':use:' .. owner end
local function use_report_key(gateway) return PREFIX .. ':use-report:' .. gateway end
local function calls_key(owner) return PREFIX .. ':calls:' .. owner end
local function lane_key(lane) return PREFIX .. ':lane:' .. lane end
local function flows_key(queue) return PREFIX .. ':flows:' .. queue end
local function lanes_key(queue, flow) return PREFIX .. ':lanes:' .. queue .. ':' .. flow end
local function flow_entries_key(flow) return PREFIX .. ':flow-entries:' .. flow end
local function jobs_lane_key(queue, flow) return lane_key('jobs:' .. queue .. ':' .. flow) end
