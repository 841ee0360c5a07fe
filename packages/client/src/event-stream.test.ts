import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventStreamParser, type StreamEvent } from './event-stream.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** The results of parsing a whole stream. */
function parse(text: string, lastEventId?: string) {
  const parser = createEventStreamParser(lastEventId);
  const events = parser.push(bytes(text));
  return { events, lastEventId: parser.lastEventId, retryMs: parser.retryMs };
}

const dataOf = (text: string) => parse(text).events.map(({ data }) => data);

describe('an event stream', () => {
  // The examples of the HTML standard, section 9.2.6.
  it.each<[string, string[]]>([
    ['data: YHOO\ndata: +2\ndata: 10\n\n', ['YHOO\n+2\n10']],
    [
      ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
      ['first event', 'second event', ' third event'],
    ],
    ['data\n\ndata\ndata\n\ndata:', ['', '\n']],
    ['data:test\n\ndata: test\n\n', ['test', 'test']],
  ])('is read as the standard reads %j', (text, data) => {
    expect(dataOf(text)).toEqual(data);
  });

  it('has types, and ids that hold until the next one', () => {
    expect(parse('event: status\nid: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n', '3').events).toEqual([
      { type: 'status', data: 'a', lastEventId: '7' },
      { type: 'message', data: 'b', lastEventId: '7' },
      { type: 'message', data: 'c', lastEventId: '' },
    ]);
    expect(parse('data: a\n\n', '3').events).toEqual([{ type: 'message', data: 'a', lastEventId: '3' }]);
  });

  it('resumes after an id only when its event is complete', () => {
    expect(parse('id: 7\ndata: a\n\nid: 8\ndata: b\n').lastEventId).toBe('7');
    expect(parse('id: 7\n\n').lastEventId).toBe('7');
    expect(parse('id: a\0b\ndata: x\n\n', '3').lastEventId).toBe('3');
  });

  it('has the pause before the next connection', () => {
    expect(parse('retry: 2000\n\n').retryMs).toBe(2000);
    expect(parse('retry: 2000').retryMs).toBeUndefined();
    expect(parse('retry: 2s\nretry:\nretry: -1\nretry: 1e3\n').retryMs).toBeUndefined();
  });

  it('may start with one byte order mark', () => {
    expect(dataOf('\uFEFFdata: a\n\n')).toEqual(['a']);
    expect(dataOf('\uFEFF\uFEFFdata: a\n\n')).toEqual([]);
  });

  it('may have unknown fields and comments', () => {
    expect(dataOf(': still there\n:\nfoo: bar\ndatax: 1\n data: 2\ndata: a\n\n')).toEqual(['a']);
  });
});

const lineText = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n]/g, '').toWellFormed());
const event = fc.record({
  type: fc.option(lineText, { nil: undefined }),
  data: fc.array(lineText, { minLength: 1, maxLength: 4 }),
  id: fc.option(
    lineText.map((text) => text.replaceAll('\0', '')),
    { nil: undefined },
  ),
  comments: fc.array(lineText, { maxLength: 2 }),
});
const ending = fc.constantFrom('\r', '\n', '\r\n');

/** A stream with a random line ending after each line, and its events. */
const stream = fc.array(event, { maxLength: 5 }).chain((events) => {
  const lines = events.flatMap(({ type, data, id, comments }) => [
    ...comments.map((comment) => `:${comment}`),
    ...(type === undefined ? [] : [`event: ${type}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...data.map((line) => `data: ${line}`),
    '',
  ]);
  let last = '';
  const expected = events.map(({ type, data, id }): StreamEvent => {
    last = id ?? last;
    return { type: type || 'message', data: data.join('\n'), lastEventId: last };
  });
  return fc.array(ending, { minLength: lines.length, maxLength: lines.length }).map((endings) => {
    // CR followed by an empty line that ends with LF would be one CRLF.
    const clean = endings.map((end, i) => (i > 0 && lines[i] === '' && endings[i - 1] === '\r' ? '\r' : end));
    return { text: lines.map((line, i) => line + clean[i]).join(''), expected };
  });
});

describe('any stream', () => {
  it('has the same events with any line endings and in any chunks', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), fc.boolean(), ({ text, expected }, cuts, mark) => {
        const all = bytes((mark ? '\uFEFF' : '') + text);
        const places = [0, ...cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b), all.length];
        const parser = createEventStreamParser();
        const events = places.slice(1).flatMap((end, i) => parser.push(all.subarray(places[i], end)));
        expect(events).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('has the same events when it arrives byte by byte', () => {
    fc.assert(
      fc.property(stream, ({ text, expected }) => {
        const parser = createEventStreamParser();
        expect([...bytes(text)].flatMap((byte) => parser.push(Uint8Array.of(byte)))).toEqual(expected);
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        const parser = createEventStreamParser();
        for (const chunk of chunks) parser.push(chunk);
      }),
    );
  });
});
