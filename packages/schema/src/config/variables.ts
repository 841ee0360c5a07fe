/**
 * Configuration from environment variables. A package describes its own variables as a zod shape. An app's `config.ts`, the only
 * file that reads `process.env`, combines the shapes that it needs and calls `readConfig`.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** An invalid variable. The message names it and the expected form. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
  ti: 1024 ** 4,
};
const PIXELS: Record<string, number> = { px: 1, mp: 1e6 };
const DURATIONS: Record<string, number> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** The least and the most that a setting may be, as users write them: `500ms`, `1gb`. */
export interface Bounds {
  min: string;
  max: string;
  /** What 0 means where it is allowed besides. */
  zero?: string;
}

/** What a setting with bounds has in its meta, for the documentation. */
export interface BoundsMeta {
  least: string;
  most: string;
  zero?: string | undefined;
}

/** A size: `20mb`, `512mi`, `1gb` or plain bytes. Its value is in bytes. */
export function byteSize(fallback: string, bounds: Bounds) {
  return measure(fallback, bounds, { name: 'a size', examples: '20mb, 512mi or plain bytes', units: UNITS, bare: 'b' });
}

/** A duration: `500ms`, `19s`, `2m`, `1h`, `1d`; a bare number is seconds. Its value is in milliseconds. */
export function duration(fallback: string, bounds: Bounds) {
  return measure(fallback, bounds, {
    name: 'a duration',
    examples: '500ms, 19s, 2m or 1h',
    units: DURATIONS,
    bare: 's',
  });
}

/** A number of pixels: `50mp` (megapixels) or plain pixels. Its value is in pixels. */
export function pixelCount(fallback: string, bounds: Bounds) {
  return measure(fallback, bounds, {
    name: 'a number of pixels',
    examples: '50mp or plain pixels',
    units: PIXELS,
    bare: 'px',
  });
}

/** A whole number in a range. */
export function integer(fallback: number, range: { min: number; max: number }) {
  const expected = `a whole number from ${range.min} to ${range.max}`;
  return z
    .string()
    .default(String(fallback))
    .transform((text, context) => {
      const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (value >= range.min && value <= range.max) return value;
      context.issues.push({ code: 'custom', message: expected, input: text });
      return z.NEVER;
    })
    .meta({ default: fallback, least: String(range.min), most: String(range.max) });
}

/** `true` or `false` (also 1, 0, yes, no). */
export function flag(fallback: boolean) {
  return z.stringbool({ error: 'true or false' }).default(fallback).meta({ default: fallback });
}

/** A comma-separated list. White space around items is dropped. */
export function list(fallback = '') {
  return z
    .string()
    .default(fallback)
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .meta({ default: fallback });
}

interface Quantity {
  /** With its article. */
  name: string;
  examples: string;
  units: Record<string, number>;
  /** The unit of a number without one. */
  bare: string;
}

function measure(fallback: string, { min, max, zero }: Bounds, quantity: Quantity) {
  const { name, examples } = quantity;
  const [least, most] = [parseQuantity(min, quantity)!, parseQuantity(max, quantity)!];
  const range = `from ${min} to ${max}${zero === undefined ? '' : ', or 0'}`;
  return z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const value = parseQuantity(text, quantity);
      if (value !== null && ((value >= least && value <= most) || (zero !== undefined && value === 0)))
        return Math.round(value);
      const message = value === null ? `${name} such as ${examples}, ${range}` : `${name} ${range}`;
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    })
    .meta({ default: fallback, least: min, most: max, zero });
}

/** @returns null for a text that is no such quantity */
function parseQuantity(text: string, { units, bare }: Quantity): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match && units[(match[2] || bare).toLowerCase()];
  return match && unit ? Number(match[1]) * unit : null;
}

/**
 * The least and the most of a setting.
 * @returns null for one without, such as a name
 */
export function boundsOf(variable: z.ZodType): BoundsMeta | null {
  const { least, most, zero } = (variable.meta() ?? {}) as Partial<BoundsMeta>;
  return least === undefined || most === undefined ? null : { least, most, zero };
}

/**
 * Parses the variables of a shape. An empty variable counts as unset, since compose files produce empty ones. What is a secret may be in
 * a file that NAME_FILE names: the environment of a process can be read by others of its user.
 * @throws ConfigError naming every unreadable file, and every invalid variable with its value and the expected form. Values of variables whose meta has
 *   `secret` are left out
 * @example const config = readConfig({ PORT: integer(8080, { min: 0, max: 65_535 }) }, process.env);
 */
export function readConfig<S extends z.ZodRawShape>(shape: S, env: Record<string, string | undefined>) {
  const unreadable = new Map<string, string>();
  const textOf = (name: string) => {
    if (env[name]) return env[name];
    const file = readFileOf(name, shape, env);
    if ('problem' in file) unreadable.set(name, file.problem);
    return 'text' in file ? file.text : undefined;
  };
  const given = Object.fromEntries(Object.keys(shape).map((name) => [name, textOf(name)]));
  const parsed = z.object(shape).safeParse(given);
  if (parsed.success && unreadable.size === 0) return parsed.data;
  const issues = (parsed.error?.issues ?? []).flatMap((issue) => {
    const name = issue.path.join('.');
    // It is set, so "is not set" would mislead.
    if (unreadable.has(name)) return [];
    const value = given[name];
    const state =
      value === undefined ? 'is not set' : isSecret(shape[name]) ? 'is wrong' : `is ${JSON.stringify(value)}`;
    return `${name} ${state}; expected ${issue.message}`;
  });
  throw new ConfigError([...unreadable.values(), ...issues].join('\n'));
}

/**
 * Whether a setting may be in a file instead.
 * @param shape all settings: API_KEYS_FILE is one of its own, of another form
 */
export function hasFile(name: string, shape: z.ZodRawShape): boolean {
  return isSecret(shape[name]) && !name.endsWith('_FILE') && !(`${name}_FILE` in shape);
}

/** What the file of a setting has in it; nothing when none is named. */
function readFileOf(
  name: string,
  shape: z.ZodRawShape,
  env: Record<string, string | undefined>,
): { text?: string } | { problem: string } {
  const path = env[`${name}_FILE`];
  if (!path || !hasFile(name, shape)) return {};
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text ? { text } : {};
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return { problem: `${name}_FILE is ${JSON.stringify(path)}, which cannot be read (${code}); expected a file` };
  }
}

function isSecret(variable: unknown): boolean {
  return variable instanceof z.ZodType && variable.meta()?.['secret'] === true;
}
