-- Cancels what remains of a stopped batch, at most `max` waiting items a call, so that Redis can answer others between.
-- Returns 1 when more remains, else 0. Repeating it continues.
--- @include ./remaining-lib.lua
return cancel_remaining(args.id, args.max) and 1 or 0
