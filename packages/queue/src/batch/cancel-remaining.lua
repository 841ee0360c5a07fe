-- Ends what waits of a stopped batch, a chunk at a time, so that Redis answers others between.
-- KEYS 1 prefix  ARGV 1 batch  2 items at most
-- Returns 1 when there is more to do, else 0. Repeating it goes on.
--- @include ./cancel-remaining-lib.lua
return drain_batch(ARGV[1], tonumber(ARGV[2])) and 1 or 0
