import { type Keys, keysOf } from '@facequeue/queue/storage';
import type { Redis } from 'ioredis';
import type { Finding, FindingKind } from './finding.ts';

type Value = string | number | boolean | null | undefined;

/** What all checks share: the installation, what was read of it at the start, and where findings go. */
export interface AuditContext {
  redis: Redis;
  keys: Keys;
  /** Every key under the prefix except BullMQ's short-lived marks, sorted. */
  allKeys: string[];
  stats: Record<string, string>;
  /** Unix milliseconds of Redis' clock. */
  now: number;
  /** Bytes of results and of webhooks that count with a flow, by the fields of these hashes. Filled by `countWithFlow`. */
  flowResults: Map<string, number>;
  flowWebhooks: Map<string, number>;
  /** Reports a finding if the property is not what it should be. */
  check(kind: FindingKind, subject: string, property: string, expected: Value, found: Value): void;
}

/** Bytes that count in admission. */
export interface Bytes {
  blobBytes: number;
  resultBytes: number;
}

/** BullMQ sets these whenever it wakes a worker or has looked for stalled jobs. They expire and hold nothing. */
const MARK = /:bull:\w+:(stalled-check|marker)$/;

/** Keys, entries or members read from Redis in one step: each takes it well under a millisecond. */
const STEP = 1000;

/** Scans the keys of an installation. @param findings filled by `check` */
export async function openContext(redis: Redis, prefix: string, findings: Finding[]): Promise<AuditContext> {
  const allKeys = await scanKeys(redis, prefix);
  const keys = keysOf(prefix);
  const [stats, [seconds]] = await Promise.all([redis.hgetall(keys.stats), redis.time()]);
  return {
    redis,
    keys,
    allKeys,
    stats,
    now: Number(seconds) * 1000,
    flowResults: new Map(),
    flowWebhooks: new Map(),
    check(kind, subject, property, expected, actual) {
      if (expected === actual) return;
      const [wanted, is] = [worded(expected), worded(actual)];
      const text = `${kind} ${subject}, ${property}: found ${is}, expected ${wanted}`;
      findings.push({ kind, subject, property, expected: wanted, found: is, text });
    },
  };
}

/** Every key of an installation except BullMQ's short-lived marks, sorted. */
export async function scanKeys(redis: Redis, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: STEP })) {
    for (const key of keys as string[]) if (!MARK.test(key)) found.add(key);
  }
  return [...found].sort();
}

/**
 * Counts bytes with their flow if they name the current epoch (the queue's flow/results-lib.lua).
 * @param host the receiver of a webhook
 */
export function countWithFlow(
  { stats, flowResults, flowWebhooks }: AuditContext,
  bytes: number,
  epoch: string | null | undefined,
  flow: string,
  host?: string,
): void {
  if (epoch !== (stats['resultEpoch'] ?? '0') || bytes === 0) return;
  const add = (sums: Map<string, number>, name: string) => sums.set(name, (sums.get(name) ?? 0) + bytes);
  add(flowResults, flow);
  if (host === undefined) return;
  add(flowWebhooks, `${host} ${flow}`);
  add(flowWebhooks, `* ${flow}`);
}

function worded(value: Value): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value === undefined || value === null || value === '' ? 'none' : String(value);
}

/** Names in the keys of one kind. @param key such as `context.keys.job` */
export function namesOf({ allKeys }: AuditContext, key: (name: string) => string): string[] {
  const head = key('');
  return allKeys.filter((each) => each.startsWith(head)).map((each) => each.slice(head.length));
}

/** Checks that each key of a kind belongs to one of `owners`. @param key such as `context.keys.results` */
export function checkOwners(
  context: AuditContext,
  key: (name: string) => string,
  owners: { has(name: string): boolean },
): void {
  for (const name of namesOf(context, key)) checkOwner(context, key(name), owners.has(name));
}

export function checkOwner({ check }: AuditContext, key: string, owned: boolean): void {
  check('key', key, 'has an owner', true, owned);
}

/** Bytes of the text of fields; 0 for missing ones. */
export function textBytes(fields: Record<string, string>, names: string[]): number {
  return names.reduce((sum, name) => sum + Buffer.byteLength(fields[name] ?? ''), 0);
}

/** Members of a sorted set with their scores, read in steps. */
export async function membersOf({ redis }: AuditContext, key: string): Promise<Map<string, number>> {
  const members = new Map<string, number>();
  for await (const pairs of redis.zscanStream(key, { count: STEP })) {
    for (const [member, score] of pairsOf(pairs as string[])) members.set(member, Number(score));
  }
  return members;
}

/** Members of a set, read in steps. */
export async function setOf({ redis }: AuditContext, key: string): Promise<string[]> {
  const members = new Set<string>();
  for await (const some of redis.sscanStream(key, { count: STEP }))
    for (const one of some as string[]) members.add(one);
  return [...members];
}

/** Fields of a hash, read in steps. */
export async function fieldsOf({ redis }: AuditContext, key: string): Promise<Map<string, string>> {
  const fields = new Map<string, string>();
  for await (const pairs of redis.hscanStream(key, { count: STEP })) {
    for (const [field, value] of pairsOf(pairs as string[])) fields.set(field, value);
  }
  return fields;
}

/** Entries of a list, read in steps. */
export async function listOf({ redis }: AuditContext, key: string): Promise<string[]> {
  const entries: string[] = [];
  for (;;) {
    const some = await redis.lrange(key, entries.length, entries.length + STEP - 1);
    entries.push(...some);
    if (some.length < STEP) return entries;
  }
}

export interface StreamEntry {
  id: string;
  fields: Map<string, Buffer>;
}

/** Entries of a stream, read in steps. */
export async function* streamOf({ redis }: AuditContext, key: string): AsyncGenerator<StreamEntry> {
  let after = '-';
  for (;;) {
    const some = (await redis.xrangeBuffer(key, after, '+', 'COUNT', STREAM_STEP)) as [Buffer, Buffer[]][];
    for (const [id, pairs] of some) {
      const fields = new Map<string, Buffer>();
      for (let i = 0; i < pairs.length; i += 2) fields.set(pairs[i]!.toString(), pairs[i + 1]!);
      yield { id: id.toString(), fields };
    }
    if (some.length < STREAM_STEP) return;
    after = `(${some.at(-1)![0]}`;
  }
}

/** Answers of commands between which nothing changes. */
export async function readAtomically(redis: Redis, ...commands: string[][]): Promise<unknown[]> {
  const answers = await redis.multi(commands).exec();
  return answers!.map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
}

/** Entries hold results of some kilobytes. */
const STREAM_STEP = 100;

/** Calls `read` for each, so many at a time that a round trip costs little and Redis serves others in between. */
export async function inChunks<T>(all: Iterable<T>, read: (one: T) => Promise<void>): Promise<void> {
  let chunk: Promise<void>[] = [];
  for (const one of all) {
    chunk.push(read(one));
    if (chunk.length < CHUNK) continue;
    await Promise.all(chunk);
    chunk = [];
  }
  await Promise.all(chunk);
}

const CHUNK = 50;

function* pairsOf(flat: string[]): Generator<[string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!];
}
