import { createHash } from 'node:crypto';
import { SOURCE_KINDS } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';
import { KEY_NAME, type KeyEntry, periodMs, refuseRepeated } from '@facequeue/schema/keys-file';
import { DEFAULT_SCOPES } from '@facequeue/schema/scopes';
import { type Caller, NO_LIMITS } from '../http/caller.ts';

/** What one secret gives access to. */
export interface ApiKey {
  /** Of the secret, 64 hexadecimal digits, lower case. */
  readonly sha256: string;
  /** Unix milliseconds from which on it is refused; null when it stays. */
  readonly expiresAt: number | null;
  /** Of the key's flow in turns. */
  readonly weight: number;
  readonly caller: Caller;
}

/** A key for people: without its secrets. */
export interface ListedKey extends Omit<ApiKey, 'sha256'> {
  readonly from: 'API_KEYS' | 'API_KEYS_FILE';
}

export const KEY_ENTRY_FORM = 'name:sha256 for each key, the hash in 64 hexadecimal digits';

/** Parses one `name:sha256` entry of API_KEYS; null when it has another form. */
export function parseKeyEntry(text: string): ApiKey | null {
  const [, owner = '', sha256 = ''] = /^([^:]*):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (!KEY_NAME.test(owner)) return null;
  return {
    sha256: sha256.toLowerCase(),
    expiresAt: null,
    weight: 1,
    caller: { ...NO_LIMITS, owner, flow: owner, scopes: new Set(DEFAULT_SCOPES) },
  };
}

/** The secrets of a key in API_KEYS_FILE: its own, and those it replaced whose time is not over. */
export function keysOf(entry: KeyEntry): ApiKey[] {
  const caller = callerOf(entry);
  return [{ sha256: entry.sha256, expires_at: undefined }, ...(entry.previous ?? [])].map((secret) => {
    const ends = [secret.expires_at, entry.expires_at].flatMap((time) => (time === undefined ? [] : Date.parse(time)));
    const expiresAt = ends.length ? Math.min(...ends) : null;
    return { sha256: secret.sha256.toLowerCase(), expiresAt, weight: entry.weight ?? 1, caller };
  });
}

function callerOf({ name, scopes, sources, rate, ...limits }: KeyEntry): Caller {
  return {
    owner: name,
    flow: name,
    scopes: new Set(scopes ?? DEFAULT_SCOPES),
    rate: rate ? { requests: rate.requests, periodMs: periodMs(rate.per), burst: rate.burst ?? rate.requests } : null,
    concurrent: limits.concurrent ?? null,
    waiting: limits.waiting ?? null,
    maxImageBytes: limits.max_image_bytes ?? null,
    sources: new Set(sources ?? SOURCE_KINDS),
  };
}

/** The keys in force: those of API_KEYS, which stay, and those of API_KEYS_FILE, which may change. */
export class ApiKeys {
  readonly #fixed: readonly ApiKey[];
  #byHash: ReadonlyMap<string, ApiKey>;

  constructor(fixed: readonly ApiKey[]) {
    this.#fixed = fixed;
    this.#byHash = new Map(fixed.map((key) => [key.sha256, key]));
  }

  /**
   * Puts the keys of a file in place of those of the one before.
   * @returns how many keys it has
   * @throws ConfigError when one of them has a name or hash of API_KEYS; nothing changes then
   */
  replaceFileKeys(entries: readonly KeyEntry[]): number {
    const fixedNames = new Set(this.#fixed.map(({ caller }) => caller.owner));
    refuseRepeated([...fixedNames, ...entries.map(({ name }) => name)]);
    const keys = [...this.#fixed, ...entries.flatMap(keysOf)];
    const byHash = new Map(keys.map((key) => [key.sha256, key]));
    if (byHash.size < keys.length) throw new ConfigError('a key has the sha256 of a key of API_KEYS');
    this.#byHash = byHash;
    return entries.length;
  }

  /**
   * The key that equals `presented`, or null. It is found by its hash: how long that takes tells at most something about the hash, and
   * no key follows from it.
   */
  find(presented: string): ApiKey | null {
    return this.#byHash.get(createHash('sha256').update(presented).digest('hex')) ?? null;
  }

  /** Each key, whatever secrets it has. */
  list(): ListedKey[] {
    // A key's own secret comes before those it replaced.
    const byOwner = Map.groupBy(this.#byHash.values(), ({ caller }) => caller.owner);
    return [...byOwner.values()].map(([key]) => ({
      caller: key!.caller,
      expiresAt: key!.expiresAt,
      weight: key!.weight,
      from: this.#fixed.includes(key!) ? 'API_KEYS' : 'API_KEYS_FILE',
    }));
  }

  /** Whether a key that was found before is still in force. */
  inForce({ sha256 }: ApiKey, now: number): boolean {
    const key = this.#byHash.get(sha256);
    return key !== undefined && !hasExpired(key, now);
  }
}

export const hasExpired = ({ expiresAt }: ApiKey, now: number) => expiresAt !== null && now >= expiresAt;
