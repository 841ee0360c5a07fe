/**
 * Configuration from environment variables. A package describes its own variables as a zod shape. An app's `config.ts`, the only
 * file that reads `process.env`, combines the shapes that it needs and calls `readConfig`.
 */
import { z } from 'zod';

/** An invalid variable. The message names it and the expected form. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const UNITS: Record<string, number> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3 };
const DURATIONS: Record<string, number> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** A size: `20mb`, `512mi`, `1gb` or plain bytes. Its value is in bytes. */
export function byteSize(fallback: string) {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => measured(text, UNITS, 'b', 'a size such as 20mb, 512mi or plain bytes', context))
    .meta({ default: fallback });
}

/** A duration: `500ms`, `19s`, `2m`, `1h`, `1d`; a bare number is seconds. Its value is in milliseconds. */
export function duration(fallback: string) {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => measured(text, DURATIONS, 's', 'a duration such as 500ms, 19s, 2m or 1h', context))
    .meta({ default: fallback });
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
    .meta({ default: fallback });
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

function measured(
  text: string,
  units: Record<string, number>,
  bare: string,
  expected: string,
  context: z.RefinementCtx,
): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match && units[(match[2] || bare).toLowerCase()];
  if (!match || !unit) {
    context.issues.push({ code: 'custom', message: expected, input: text });
    return z.NEVER;
  }
  return Math.round(Number(match[1]) * unit);
}

/**
 * Parses the variables of a shape. An empty variable counts as unset, since compose files produce empty ones.
 * @throws ConfigError naming every invalid variable, its value and the expected form. Values of variables whose meta has
 *   `secret` are left out
 * @example const config = readConfig({ PORT: integer(8080, { min: 0, max: 65_535 }) }, process.env);
 */
export function readConfig<S extends z.ZodRawShape>(shape: S, env: Record<string, string | undefined>) {
  const given = Object.fromEntries(Object.keys(shape).map((name) => [name, env[name] === '' ? undefined : env[name]]));
  const parsed = z.object(shape).safeParse(given);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues
      .map((issue) => {
        const name = issue.path.join('.');
        const value = given[name];
        const state =
          value === undefined ? 'is not set' : isSecret(shape[name]) ? 'is wrong' : `is ${JSON.stringify(value)}`;
        return `${name} ${state}; expected ${issue.message}`;
      })
      .join('\n'),
  );
}

function isSecret(variable: unknown): boolean {
  return variable instanceof z.ZodType && variable.meta()?.['secret'] === true;
}
