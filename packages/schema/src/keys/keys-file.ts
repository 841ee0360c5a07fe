/** The file of API keys (API_KEYS_FILE): the gateway reads it, `facequeue keys` writes it. */
import { z } from 'zod';
import { ConfigError } from '../config/variables.ts';
import { SOURCE_KINDS } from '../detection/source-kinds.ts';
import { SCOPES } from './scopes.ts';

/** What a key may be called: the owner of its jobs, also in logs, metrics and `WEBHOOK_SECRETS`. */
export const KEY_NAME = /^[\w.-]{1,64}$/;

const sha256 = z
  .string({ error: 'the SHA-256 of the key in 64 hexadecimal digits' })
  .regex(/^[0-9a-f]{64}$/i, 'the SHA-256 of the key in 64 hexadecimal digits');

/** Units of a rate's period. RateLimit headers count in whole seconds, so there are no shorter ones. */
const PERIOD_S: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const PERIOD = /^([1-9]\d{0,4})([smhd])$/;
const MOST = 1_000_000;

/** Milliseconds of a rate's `per`, such as `1s`, `10m`, `1h`. */
export function periodMs(per: string): number {
  const [, count, unit] = PERIOD.exec(per)!;
  return Number(count) * PERIOD_S[unit!]! * 1000;
}

const count = z
  .number({ error: `a whole number from 1 to ${MOST}` })
  .refine((value) => Number.isInteger(value) && value >= 1 && value <= MOST, `a whole number from 1 to ${MOST}`);

/** Bounds of a weight: no key may keep the others waiting for more turns than the ratio of the two. */
const LEAST_WEIGHT = 0.1;
const MOST_WEIGHT = 100;
const WEIGHT = `a number from ${LEAST_WEIGHT} to ${MOST_WEIGHT}`;

/** How often a key may call: `requests` in each period on average, `burst` of them at once after a pause. */
const Rate = z.strictObject({
  requests: count,
  per: z
    .string({ error: 'a period such as 1s, 10m or 1h' })
    .refine((text) => PERIOD.test(text) && periodMs(text) <= 86_400_000, 'a period such as 1s, 10m or 1h, at most 1d'),
  burst: count.optional(),
});

const time = z.iso.datetime({ offset: true, error: 'a time such as 2027-01-31T00:00:00Z' });

/** One key of the file. What is left out is unlimited, or the service's own value. */
export const KeyEntry = z.strictObject({
  name: z.string({ error: 'a name' }).regex(KEY_NAME, '1 to 64 letters, digits or . _ -'),
  sha256,
  /** What it replaced, until then (rotation). */
  previous: z.array(z.strictObject({ sha256, expires_at: time }), { error: 'a list' }).optional(),
  scopes: z
    .array(z.enum(SCOPES, { error: `one of ${SCOPES.join(', ')}` }), { error: 'a list' })
    .min(1, 'at least one scope; delete the key to switch it off')
    .optional(),
  /** How many turns its waiting jobs have for one of a key with 1, which is what counts when it is left out. */
  weight: z
    .number({ error: WEIGHT })
    .refine((value) => value >= LEAST_WEIGHT && value <= MOST_WEIGHT, WEIGHT)
    .optional(),
  rate: Rate.optional(),
  /** Calls in progress at a time. */
  concurrent: count.optional(),
  /** Jobs, items and frames that wait. */
  waiting: count.optional(),
  /** Of an image, sent or fetched. The service's own limit holds besides. */
  max_image_bytes: z
    .number({ error: 'a number of bytes' })
    .refine((value) => Number.isSafeInteger(value) && value >= 1, 'a number of bytes')
    .optional(),
  /** Where its images may come from. */
  sources: z
    .array(z.enum(SOURCE_KINDS, { error: `one of ${SOURCE_KINDS.join(', ')}` }), { error: 'a list' })
    .min(1, 'at least one source')
    .optional(),
  expires_at: time.optional(),
});
export type KeyEntry = z.output<typeof KeyEntry>;

export const KeysFile = z.strictObject({ keys: z.array(KeyEntry, { error: 'a list of keys' }) });
export type KeysFile = z.output<typeof KeysFile>;

/**
 * Reads the text of a file of API keys.
 * @throws ConfigError naming everything that is wrong. It contains no value: somebody may have put the key itself there
 */
export function readKeysFile(text: string): KeysFile {
  const parsed = KeysFile.safeParse(parseJson(text));
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map(describeIssue).join('; '));
  const { keys } = parsed.data;
  refuseRepeated(keys.map(({ name }) => name));
  const hashes = keys.flatMap(({ name, sha256, previous = [] }) =>
    [sha256, ...previous.map((before) => before.sha256)].map((hash) => ({ name, hash: hash.toLowerCase() })),
  );
  for (const same of Map.groupBy(hashes, ({ hash }) => hash).values()) {
    if (same.length > 1) throw new ConfigError(`${same.map(({ name }) => name).join(' and ')}: the same sha256`);
  }
  return parsed.data;
}

/** @throws ConfigError when two keys have one name */
export function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) throw new ConfigError(`there are two keys called ${repeated}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse quotes what is near the mistake.
    throw new ConfigError('it is not JSON');
  }
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  const where = path.replace(/^\./, '') || 'the file';
  if (issue.code === 'unrecognized_keys') return `${where} has the unknown member ${issue.keys.join(', ')}`;
  return `${where}: expected ${issue.message}`;
}

/** The setting that names the file. */
export const API_KEYS_FILE = z.string().optional().meta({
  default: '',
  description:
    'JSON file with more API keys, each with its scopes and limits ([security.md](security.md#api-keys)); `facequeue keys` writes it. A gateway reads it at its start, within seconds after a change, and on SIGHUP. A file that has become unusable is logged, and the keys read before stay in force.',
});
