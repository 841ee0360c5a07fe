import type { Format, Known } from './outcome.ts';

/** What every line begins with. */
const BEGINNING = '{"id":"';

/** An outcome a line, as JSON. */
export const ndjson: Format = {
  header: '',
  text: ({ id, ...more }) => `${JSON.stringify({ id, ...more })}\n`,
  reader: () => ({
    push(line) {
      const { id, status } = JSON.parse(line) as Known;
      if (typeof id !== 'string' || typeof status !== 'string') throw new SyntaxError('no outcome');
      return { id, status };
    },
  }),
  mayBegin: (text) => BEGINNING.startsWith(text.slice(0, BEGINNING.length)),
};
