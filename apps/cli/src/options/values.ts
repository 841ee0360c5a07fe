import { InvalidArgumentError } from 'commander';

/** The parser of an option whose value is a number from `min` to `max`. */
export function numberFrom(min: number, max: number) {
  return (text: string): number => {
    const number = Number(text);
    if (/^\d*\.?\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`);
  };
}

/** A year. */
const MAX_SECONDS = 31_536_000;

/** The parser of an option whose value is in seconds. @returns milliseconds */
export function milliseconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) <= MAX_SECONDS) return Number(text) * 1000;
  throw new InvalidArgumentError(`Expected a number of seconds from 0 to ${MAX_SECONDS}.`);
}

/** The parser of an option whose value is a moment. */
export function moment(text: string): Date {
  const time = new Date(text);
  // A time without an offset would mean another moment on another machine.
  if (/T.*(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError('Expected a time such as 2026-01-02T03:04:05Z.');
}

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The parser of an option whose value is a duration with its unit. @returns milliseconds */
export function duration(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit!] ?? Number.NaN);
  if (ms <= MAX_SECONDS * 1000) return ms;
  throw new InvalidArgumentError('Expected a duration such as 30m, 12h or 7d, of at most 365d.');
}
