-- Begins a batch, which its maker fills and settles.
-- KEYS 1 prefix
-- ARGV 1 id  2 owner  3 request id  4 options (JSON)  5 '1' when it stays open  6 listing (JSON) or ''  7 output (JSON) or ''
--      8 webhook url or ''  9 its host  10 ms it is kept  11 max waiting  12 max blob bytes  13 max result bytes  14 max ms of the oldest
-- Returns {'ok'} | {'full', reason, ms to try again} | {'exists'}. Repeating it after 'ok' gives 'exists'.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ../limits/admission.lua
local id, listing, output, webhook = ARGV[1], ARGV[6], ARGV[7], ARGV[8]
if redis.call('EXISTS', batch_key(id)) == 1 then return { 'exists' } end
local reason, retry = refusal('bulk', 1, 0, read_limits(11), nil, webhook ~= '' and ARGV[9] or nil, true)
if reason then return { 'full', reason, retry } end
redis.call('HSET', batch_key(id),
  'state', 'building', 'owner', ARGV[2], 'requestId', ARGV[3], 'options', ARGV[4], 'open', ARGV[5], 'createdAt', now, 'lastAppend', now,
  'ttl', ARGV[10], 'total', 0, 'queued', 0, 'processing', 0, 'succeeded', 0, 'failed', 0, 'canceled', 0, 'ended', 0,
  'resultBytes', 0, 'turns', 0)
charge_batch(id, BATCH_OVERHEAD + #ARGV[4] + #listing + #output + #webhook)
if listing ~= '' then redis.call('HSET', batch_key(id), 'listing', listing, 'listStatus', 'waiting') end
if output ~= '' then redis.call('HSET', batch_key(id), 'output', output, 'writeStatus', 'waiting') end
if webhook ~= '' then
  redis.call('HSET', batch_key(id), 'webhookUrl', webhook, 'webhookHost', ARGV[9], 'webhookStatus', 'waiting')
end
schedule_batch(id)
return { 'ok' }
