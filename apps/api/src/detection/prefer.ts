/**
 * `Prefer` (RFC 7240), as far as this API understands it.
 *
 * Not parsed with `structured-headers`: the RFC is older than structured fields. Names may be in upper case and `=` may have blanks
 * around it, the first of two equal preferences counts, and a malformed one is ignored alone. The library refuses 5 of the 18 valid headers
 * of prefer.test.ts as a whole, and takes the last of two.
 */
import { MAX_WAIT_S } from '@facequeue/schema';

/** How a caller wants to be answered. */
export interface Preferences {
  /** The job instead of its result when `waitMs` is over. */
  respondAsync: boolean;
  /** How long the answer may wait for the job's end; null when the caller does not say. */
  waitMs: number | null;
}

const WORD = String.raw`[!#$%&'*+.^\`|~\w-]+`;
/** One preference of the list: its name and its value, if any. Parameters that follow are ignored. */
const PREFERENCE = new RegExp(
  String.raw`^\s*(?<name>${WORD})(?:\s*=\s*(?<value>${WORD}|"(?:[^"\\]|\\.)*"))?\s*(?:;|$)`,
);
/** The text between commas, not counting commas in quoted strings. */
const LIST_ITEM = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;

/**
 * Parses a `Prefer` header; Node joins several of them with commas. No preference is an error: an unknown or malformed one is ignored,
 * and of two equal ones the first counts. A `wait` above 60 s counts as 60.
 */
export function readPreferences(header: string | string[] | undefined): Preferences {
  const given = new Map<string, string>();
  for (const [item] of String(header ?? '').matchAll(LIST_ITEM)) {
    const { name, value = '' } = PREFERENCE.exec(item)?.groups ?? {};
    if (name && !given.has(name.toLowerCase())) given.set(name.toLowerCase(), unquoted(value));
  }
  const wait = given.get('wait');
  const seconds = wait !== undefined && /^\d+$/.test(wait) ? Math.min(MAX_WAIT_S, Number(wait)) : null;
  return { respondAsync: given.get('respond-async') === '', waitMs: seconds === null ? null : seconds * 1000 };
}

/**
 * `Preference-Applied` of an answer; empty when no preference was applied.
 * @param asJob whether the answer is the job instead of its result
 */
export function appliedPreferences({ respondAsync, waitMs }: Preferences, asJob: boolean): string {
  const applied = [respondAsync && asJob && 'respond-async', waitMs !== null && `wait=${waitMs / 1000}`];
  return applied.filter(Boolean).join(', ');
}

const unquoted = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text);
