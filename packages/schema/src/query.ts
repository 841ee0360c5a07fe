/** Query strings: their options as schemas, and how they are read. */
import { z } from 'zod';
import { FacequeueError } from './errors.ts';

/** A number in a query string, shown as a number in the OpenAPI document. */
export function queryNumber(pattern: RegExp, schema: z.ZodType<number, number>, shown: Record<string, unknown>) {
  return z
    .string()
    .regex(pattern, `expected ${shown['type'] === 'integer' ? 'a whole number' : 'a number'}`)
    .transform(Number)
    .pipe(schema)
    .meta({ override: ({ jsonSchema }) => replaceWith(jsonSchema, shown) });
}

/** `true` or `false`; `absent` is shown as what it means not to say. */
export function queryFlag(shown: { description: string }, absent = true) {
  return z
    .enum(['true', 'false'], { error: 'expected true or false' })
    .transform((text) => text === 'true')
    .meta({
      ...shown,
      override: ({ jsonSchema }) => replaceWith(jsonSchema, { type: 'boolean', default: absent, ...shown }),
    });
}

/** Shows a schema in the OpenAPI document as something else. */
export function replaceWith(target: object, shown: Record<string, unknown>) {
  for (const key of Object.keys(target)) delete (target as Record<string, unknown>)[key];
  Object.assign(target, shown);
}

/**
 * Reads a query string by a schema of strings.
 * @throws invalid_request naming the option: unknown, given twice, or with a bad value
 */
export function readQuery<S extends z.ZodObject>(schema: S, query: URLSearchParams): z.output<S> {
  const known = Object.keys(schema.shape);
  const given: Record<string, string> = {};
  for (const [name, value] of query) {
    if (!known.includes(name)) {
      throw new FacequeueError(
        'invalid_request',
        `unknown option ${quoted(name)}; there ${known.length ? `are ${known.join(', ')}` : 'is none'}`,
      );
    }
    if (Object.hasOwn(given, name)) throw new FacequeueError('invalid_request', `option ${name} is given twice`);
    given[name] = value;
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new FacequeueError('invalid_request', `option ${issue.path.join('.')}: ${issue.message}`);
}

/** A name from outside, made fit for an error message. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
