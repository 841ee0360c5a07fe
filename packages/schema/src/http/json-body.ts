/** Checks of JSON bodies. All throw FacequeueError invalid_request and name the invalid member. */
import type { z } from 'zod';
import { FacequeueError } from '../errors.ts';
import { quoted } from './query.ts';

/** @throws invalid_request with `expected` when a JSON value is not an object */
export function readObject(value: unknown, expected: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FacequeueError('invalid_request', expected);
}

/** @throws invalid_request naming a member that `schema` does not have */
export function refuseUnknown(members: Record<string, unknown>, schema: z.ZodObject): void {
  const names = Object.keys(schema.shape);
  const unknown = Object.keys(members).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const expected = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  throw new FacequeueError('invalid_request', `unknown member ${quoted(unknown)}; there are ${expected}`);
}

/** @throws invalid_request naming the first member with a bad value */
export function refuseInvalid({ error }: z.ZodSafeParseResult<unknown>): void {
  const issue = error?.issues[0];
  if (issue) throw new FacequeueError('invalid_request', `${issue.path.join('.')}: ${issue.message}`);
}
