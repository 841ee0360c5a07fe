-- Lets a call of an owner in, or refuses it: by the rate of its calls (the generic cell rate algorithm, which is a token bucket in one
-- number) and by how many of them are in progress.
-- `intervalUs` is the time for which one call uses the rate, `burst` how many calls may come at once; nil without a rate.
-- `concurrent` is the most calls in progress, nil without that limit; `lease` names this call, and is used only with it.
-- Returns {refused by 'rate', 'concurrent' or '', calls left of the burst, ms until all of it, calls left to be in progress, ms to try again}
-- A call that is refused uses nothing up.
--- @include ../redis/keys.lua
--- @include ./lib.lua
local calls, rate = calls_key(args.owner), rate_key(args.owner)
-- The first write frees memory: Redis then lets the script continue even when it is full. Leases that nobody renews any more end, and
-- so do those that are too long: Redis' clock was set back.
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now_us / 1000)
redis.call('ZREMRANGEBYSCORE', calls, '(' .. now_us / 1000 + CALL_LEASE_MS, '+inf')

local function calls_left(spent_until)
  if not args.intervalUs then return 0 end
  return math.max(0, math.floor((now_us + args.intervalUs * args.burst - spent_until) / args.intervalUs + 0.000001))
end

local function full_in_ms(spent_until) return math.ceil((spent_until - now_us) / 1000) end

local in_progress = args.concurrent and redis.call('ZCARD', calls) or 0
if args.concurrent and in_progress >= args.concurrent then
  local spent_until = args.intervalUs and read_rate(rate, args.intervalUs * args.burst) or now_us
  return { 'concurrent', calls_left(spent_until), full_in_ms(spent_until), 0, CALLS_RETRY_MS }
end

local spent_until = now_us
if args.intervalUs then
  local whole = args.intervalUs * args.burst
  local before = read_rate(rate, whole)
  spent_until = before + args.intervalUs
  local excess = spent_until - now_us - whole
  if excess > 0 then
    local left = args.concurrent and args.concurrent - in_progress or 0
    return { 'rate', 0, full_in_ms(before), left, math.ceil(excess / 1000) }
  end
  redis.call('SET', rate, string.format('%.0f', spent_until), 'PX', full_in_ms(spent_until) + 1)
end
if args.concurrent then lease_call(calls, args.lease) end
return { '', calls_left(spent_until), full_in_ms(spent_until), args.concurrent and args.concurrent - in_progress - 1 or 0, 0 }
