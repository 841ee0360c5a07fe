/** The headers `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). */
import type { CallQuota } from '@facequeue/queue';
import { type Item, serializeList } from 'structured-headers';
import type { Caller } from '../http/caller.ts';

/** What a key may do; null when nothing limits its calls. */
export function rateLimitPolicy({ rate, concurrent }: Pick<Caller, 'rate' | 'concurrent'>): string | null {
  return listOf([
    rate && ['rate', { q: rate.requests, w: rate.periodMs / 1000 }],
    concurrent !== null && ['concurrent', { q: concurrent, qu: 'concurrent-requests' }],
  ]);
}

/** What it may do at the moment: calls left, and the seconds until the whole burst is there again. */
export function rateLimit(
  { rate, concurrent }: Pick<Caller, 'rate' | 'concurrent'>,
  { rateLeft, rateFullMs, concurrentLeft }: Pick<CallQuota, 'rateLeft' | 'rateFullMs' | 'concurrentLeft'>,
): string | null {
  return listOf([
    rate && ['rate', { r: rateLeft, t: Math.ceil(rateFullMs / 1000) }],
    concurrent !== null && ['concurrent', { r: concurrentLeft }],
  ]);
}

function listOf(items: (false | null | [string, Record<string, string | number>])[]): string | null {
  const list = items.flatMap((item): Item[] => (item ? [[item[0], new Map(Object.entries(item[1]))]] : []));
  return list.length ? serializeList(list) : null;
}
