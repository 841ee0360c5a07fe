/** Query strings: schemas of options, and reading them. */
import { z } from 'zod';
import { FacequeueError } from '../errors.ts';

/**
 * A number in a query string.
 * @param pattern the form of such a number as text
 * @param schema the range of the number
 * @param openApi how the OpenAPI document shows it: as a number, not as a string
 */
export function queryNumber(pattern: RegExp, schema: z.ZodType<number, number>, openApi: Record<string, unknown>) {
  return z
    .string()
    .regex(pattern, `expected ${openApi['type'] === 'integer' ? 'a whole number' : 'a number'}`)
    .transform(Number)
    .pipe(schema)
    .meta({ override: ({ jsonSchema }) => replaceWith(jsonSchema, openApi) });
}

/**
 * `true` or `false` in a query string.
 * @param absent value when the option is absent, for the OpenAPI document
 */
export function queryFlag(openApi: { description: string }, absent = true) {
  return z
    .enum(['true', 'false'], { error: 'expected true or false' })
    .transform((text) => text === 'true')
    .meta({
      ...openApi,
      override: ({ jsonSchema }) => replaceWith(jsonSchema, { type: 'boolean', default: absent, ...openApi }),
    });
}

/** Replaces everything the OpenAPI document would show of a schema. */
export function replaceWith(target: object, openApi: Record<string, unknown>) {
  for (const key of Object.keys(target)) delete (target as Record<string, unknown>)[key];
  Object.assign(target, openApi);
}

/**
 * Reads a query string by a schema of strings.
 * @throws FacequeueError invalid_request naming the option that is unknown, given twice or has a bad value
 */
export function readQuery<S extends z.ZodObject>(schema: S, query: URLSearchParams): z.output<S> {
  const names = Object.keys(schema.shape);
  const given: Record<string, string> = {};
  for (const [name, value] of query) {
    if (!names.includes(name)) {
      throw new FacequeueError(
        'invalid_request',
        `unknown option ${quoted(name)}; there ${names.length ? `are ${names.join(', ')}` : 'is none'}`,
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

const NoQuery = z.strictObject({});

/**
 * Checks that the query string of a route without options is empty.
 * @throws FacequeueError invalid_request naming an option that is there
 */
export function readNoQuery(query: URLSearchParams): void {
  readQuery(NoQuery, query);
}

/** A name that a caller sent, cut and quoted for an error message. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
