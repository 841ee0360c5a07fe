-- Erased bytes stay in an append-only file until Redis rewrites it. Whoever owns the server rewrites it after erasures
-- (log-rewriter.ts), which this counts: every script that removes an image or a result does.
--- @include ../redis/keys.lua
local function count_erasure() redis.call('HINCRBY', STATS, 'erasures', 1) end
