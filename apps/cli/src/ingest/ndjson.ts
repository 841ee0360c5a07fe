import type { Format, RecordedOutcome } from './outcome.ts';

/** The start of every line. */
const BEGINNING = '{"id":"';

/** One JSON object a line, one line an image. */
export const ndjson: Format = {
  header: '',
  text: ({ id, ...more }) => `${JSON.stringify({ id, ...more })}\n`,
  reader: () => ({
    push(line) {
      const { id, status } = JSON.parse(line) as RecordedOutcome;
      if (typeof id !== 'string' || typeof status !== 'string') throw new SyntaxError('not an outcome');
      return { id, status };
    },
  }),
  mayBegin: (text) => BEGINNING.startsWith(text.slice(0, BEGINNING.length)),
};
