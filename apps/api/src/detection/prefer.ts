/** `Prefer` (RFC 7240), as far as calls that may wait understand it. */
import { MAX_WAIT_S } from '@facequeue/schema';

/** How a caller wants to be answered. */
export interface Preferences {
  /** The job instead of its result, as soon as `waitMs` is over. */
  respondAsync: boolean;
  /** How long the answer may wait for the job's end; null when the caller does not say. */
  waitMs: number | null;
}

const WORD = String.raw`[!#$%&'*+.^\`|~\w-]+`;
/** A preference of the list: its name and its value, if any. Parameters behind them mean nothing to us. */
const PREFERENCE = new RegExp(
  String.raw`^\s*(?<name>${WORD})(?:\s*=\s*(?<value>${WORD}|"(?:[^"\\]|\\.)*"))?\s*(?:;|$)`,
);
/** What lies between commas outside quoted strings. */
const LIST_ITEM = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;

/**
 * Reads a `Prefer` header; several of them come joined by commas. By the RFC nothing in it is an error: what is unknown or
 * malformed is ignored, and of a preference given twice the first counts. More than 60 s of `wait` count as 60: whoever would wait
 * longer is answered in time.
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
 * `Preference-Applied` of an answer; empty when none was.
 * @param asJob whether the answer is the job instead of its result
 */
export function appliedPreferences({ respondAsync, waitMs }: Preferences, asJob: boolean): string {
  const applied = [respondAsync && asJob && 'respond-async', waitMs !== null && `wait=${waitMs / 1000}`];
  return applied.filter(Boolean).join(', ');
}

const unquoted = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text);
