import { createHash, randomBytes } from 'node:crypto';
import { ConfigError } from '@facequeue/schema/config';
import type { KeyEntry } from '@facequeue/schema/keys-file';
import { DEFAULT_SCOPES } from '@facequeue/schema/scopes';
import type { Output } from '../output.ts';
import { changeKeys, readKeys } from './file.ts';

/** Bytes of a key before base64: nobody guesses it, so its plain SHA-256 may be stored. */
const KEY_BYTES = 24;

/** An entry whose members may be left out as undefined. */
export type NewKey = { name: string } & { [Member in keyof KeyEntry]?: unknown };

/**
 * Adds a key to the file and prints it.
 * @returns the exit code
 */
export function addKey(path: string, entry: NewKey, output: Output): Promise<number> {
  return orFailure(output, async () => {
    const { key, sha256 } = newKey();
    await changeKeys(path, 'create', (keys) => {
      if (keys.some(({ name }) => name === entry.name)) throw new ConfigError(`there is a key called ${entry.name}`);
      const { name, ...members } = entry;
      return [...keys, { name, sha256, ...members }];
    });
    output.stdout(`${key}\n`);
    output.stderr(`Added the key ${entry.name}. It is not stored: keep it now.`);
  });
}

/** @returns the exit code */
export function listKeys(path: string, json: boolean, output: Output): Promise<number> {
  return orFailure(output, async () => {
    const keys = await readKeys(path);
    if (json) output.stdout(`${JSON.stringify({ keys: keys.map(withoutHashes) })}\n`);
    else for (const key of keys) output.stdout(`${describeKey(key)}\n`);
  });
}

/** @returns the exit code */
export function revokeKey(path: string, name: string, output: Output): Promise<number> {
  return orFailure(output, async () => {
    await changeKeys(path, 'existing', (keys) => {
      findKey(keys, name);
      return keys.filter((key) => key.name !== name);
    });
    output.stderr(`Revoked the key ${name}.`);
  });
}

/**
 * Replaces a key by a new one and prints it.
 * @param overlapMs how long the old one is accepted too; with 0 neither it nor any before it is
 * @returns the exit code
 */
export function rotateKey(path: string, name: string, overlapMs: number, output: Output): Promise<number> {
  return orFailure(output, async () => {
    const { key, sha256 } = newKey();
    const now = Date.now();
    await changeKeys(path, 'existing', (keys) => {
      const old = findKey(keys, name);
      // Without an overlap no older secret stays in force either: this is how a leaked one is ended.
      const previous =
        overlapMs > 0 ? (old.previous ?? []).filter(({ expires_at }) => Date.parse(expires_at) > now) : [];
      if (overlapMs > 0) {
        previous.push({ sha256: old.sha256, expires_at: new Date(now + overlapMs).toISOString() });
      }
      const rotated = { ...old, sha256, previous: previous.length ? previous : undefined };
      return keys.map((one) => (one === old ? rotated : one));
    });
    output.stdout(`${key}\n`);
    const until =
      overlapMs > 0 ? `is accepted until ${new Date(now + overlapMs).toISOString()}` : 'and all before it are revoked';
    output.stderr(`Rotated the key ${name}: the old one ${until}.`);
  });
}

/** @returns the exit code: 1 when the file cannot be used or changed */
async function orFailure(output: Output, work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    output.stderr(error.message);
    return 1;
  }
}

/** The prefix tells people and scanners of leaked secrets what it is. */
function newKey(): { key: string; sha256: string } {
  const key = `fq_${randomBytes(KEY_BYTES).toString('base64url')}`;
  return { key, sha256: createHash('sha256').update(key).digest('hex') };
}

function findKey(keys: readonly KeyEntry[], name: string): KeyEntry {
  const key = keys.find((one) => one.name === name);
  if (!key) throw new ConfigError(`there is no key called ${name}`);
  return key;
}

const withoutHashes = ({ sha256: _, previous, ...rest }: KeyEntry) => ({
  ...rest,
  ...(previous && { previous: previous.map(({ expires_at }) => ({ expires_at })) }),
});

function describeKey({ name, scopes = [...DEFAULT_SCOPES], rate, expires_at, ...more }: KeyEntry): string {
  const expiry = expires_at === undefined ? [] : [`${isOver(expires_at) ? 'expired' : 'expires'} ${expires_at}`];
  const limits = [
    rate && `${rate.requests}/${rate.per}${rate.burst === undefined ? '' : `, burst ${rate.burst}`}`,
    more.weight !== undefined && `weight ${more.weight}`,
    more.concurrent !== undefined && `${more.concurrent} concurrent`,
    more.waiting !== undefined && `${more.waiting} waiting`,
    more.max_image_bytes !== undefined && `${more.max_image_bytes} bytes`,
    more.sources && `from ${more.sources.join(',')}`,
  ].filter(Boolean);
  return [name, scopes.join(','), ...limits, ...expiry].join('\t');
}

const isOver = (time: string) => Date.parse(time) <= Date.now();
