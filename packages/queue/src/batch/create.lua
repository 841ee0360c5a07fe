-- Begins a batch, which its maker fills and settles.
-- Returns {'ok'} | {'full', reason, ms to try again} | {'share'}: the flow has its share of open batches | {'exists'}. Repeating it after 'ok' gives 'exists'.
--- @include ../redis/keys.lua
--- @include ../redis/clock.lua
--- @include ./lib.lua
--- @include ../limits/admission.lua
--- @include ./open-lib.lua
local options, more_options = args.options.options, args.options.more
local id, listing, output, webhook = args.id, args.listing, args.output, args.webhookUrl
if redis.call('EXISTS', batch_key(id)) == 1 then return { 'exists' } end
local flow = args.flow or args.owner
local reason, retry = refusal({
  queue = 'bulk', count = 1, bytes = 0, limits = args.limits, webhook_host = args.webhookHost, in_lane = true,
  flow = flow, most_of_flow = args.maxPending,
})
if reason then return { 'full', reason, retry } end
local obstacle = args.open and refuse_open(flow, args.maxOpen)
if obstacle == 'share' then return { 'share' } end
if obstacle then return { 'full', obstacle, MAX_RETRY_MS } end
redis.call('HSET', batch_key(id),
  'state', 'building', 'owner', args.owner, 'requestId', args.requestId, 'options', options, 'open', args.open and 1 or 0,
  'createdAt', now, 'lastAppend', now, 'ttl', args.ttlMs,
  'total', 0, 'queued', 0, 'processing', 0, 'succeeded', 0, 'failed', 0, 'canceled', 0, 'ended', 0, 'resultBytes', 0, 'turns', 0)
if more_options then redis.call('HSET', batch_key(id), 'moreOptions', more_options) end
if args.flow then redis.call('HSET', batch_key(id), 'flow', args.flow) end
charge_batch(id, BATCH_OVERHEAD_BYTES + #options + #(more_options or '') + #(listing or '') + #(output or '') + #(webhook or ''))
if args.maxPending then redis.call('HSET', batch_key(id), 'maxPending', args.maxPending) end
if args.maxImageBytes then redis.call('HSET', batch_key(id), 'maxImageBytes', args.maxImageBytes) end
if listing then redis.call('HSET', batch_key(id), 'listing', listing, 'listStatus', 'waiting') end
if output then redis.call('HSET', batch_key(id), 'output', output, 'writeStatus', 'waiting') end
if webhook then
  redis.call('HSET', batch_key(id), 'webhookUrl', webhook, 'webhookHost', args.webhookHost, 'webhookStatus', 'waiting')
end
if args.open then redis.call('HSET', OPEN_BATCHES, id, flow) end
schedule_batch(id)
return { 'ok' }
