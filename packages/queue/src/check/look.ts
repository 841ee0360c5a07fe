import type { Redis } from 'ioredis';

/** What the checks look at, and where they say what they have found. */
export interface Look {
  redis: Redis;
  prefix: string;
  /** Every key under the prefix, BullMQ's marks excepted. */
  keys: string[];
  stats: Record<string, string>;
  /** Unix milliseconds of Redis' clock. */
  now: number;
  /** Keeps the problem unless all is fine. */
  check(fine: boolean, problem: string): void;
}

/** BullMQ sets them for a moment, whenever it wakes a worker or has looked for stalled jobs. They tell nothing of what is kept. */
const MARK = /:bull:\w+:(stalled-check|marker)$/;

/** Bytes that count in admission. */
export interface Bytes {
  blobBytes: number;
  resultBytes: number;
}

/** Reads what all checks need. @param problems filled by `check` */
export async function takeLook(redis: Redis, prefix: string, problems: string[]): Promise<Look> {
  const keys = new Set<string>();
  for await (const found of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    for (const key of found as string[]) if (!MARK.test(key)) keys.add(key);
  }
  const [stats, [seconds]] = await Promise.all([redis.hgetall(`${prefix}:stats`), redis.time()]);
  return {
    redis,
    prefix,
    keys: [...keys].sort(),
    stats,
    now: Number(seconds) * 1000,
    check: (fine, problem) => {
      if (!fine) problems.push(problem);
    },
  };
}

/** What follows `<prefix>:<kind>:` in the keys of a kind. */
export function namesOf({ keys, prefix }: Look, kind: string): string[] {
  const head = `${prefix}:${kind}:`;
  return keys.filter((key) => key.startsWith(head)).map((key) => key.slice(head.length));
}

/** Checks that keys of these kinds belong to something that is there. */
export function checkOwners(look: Look, kinds: string[], owners: { has(name: string): boolean }): void {
  for (const kind of kinds) {
    for (const name of namesOf(look, kind)) look.check(owners.has(name), `${kind}:${name} belongs to nothing`);
  }
}

/** Bytes of the text of fields, 0 for those that are not there. */
export function textBytes(fields: Record<string, string>, names: string[]): number {
  return names.reduce((sum, name) => sum + Buffer.byteLength(fields[name] ?? ''), 0);
}

/** Entries of a stream: number of its id, and its fields. */
export async function streamOf(
  { redis, prefix }: Look,
  key: string,
): Promise<{ id: string; fields: Map<string, Buffer> }[]> {
  const entries = (await redis.xrangeBuffer(`${prefix}:${key}`, '-', '+')) as [Buffer, Buffer[]][];
  return entries.map(([id, pairs]) => {
    const fields = new Map<string, Buffer>();
    for (let i = 0; i < pairs.length; i += 2) fields.set(pairs[i]!.toString(), pairs[i + 1]!);
    return { id: id.toString(), fields };
  });
}
