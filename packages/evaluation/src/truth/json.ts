import { z } from 'zod';
import { damagedAt, TruthError } from './errors.ts';

/**
 * Parses JSON and checks its form.
 * @param firstLine line of the file on which the text begins
 * @throws TruthError with the line, or the path in the document
 */
export function readJson<T extends z.ZodType>(text: string, form: T, firstLine = 1): z.output<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const line = Number(/line (\d+)/.exec(message)?.[1] ?? lineOf(text, message));
    throw damagedAt(firstLine + line - 1, `not JSON: ${message.replace(/\s+/g, ' ')}`);
  }
  const parsed = form.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  const where = z.core.toDotPath(path);
  const place = firstLine > 1 ? `line ${firstLine}: ` : '';
  throw new TruthError(`${place}${where || 'the document'}: ${message}`);
}

/** The line, from 1, of the position that a message names; the last line when it names the end. */
function lineOf(text: string, message: string): number {
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
  return text.slice(0, position).split('\n').length;
}
