import { describe, expect, it, test } from 'vitest';
import { isFacequeueError } from '../errors.ts';
import { batchCall, readBatchQuery, readItem, readItemId, readItemsBody, readResultsQuery } from './request.ts';

const call = (query: string, body?: unknown) => batchCall(readBatchQuery(new URLSearchParams(query)), body);

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (isFacequeueError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('no error');
}

describe('the description of a new batch', () => {
  it('comes from the query string when the body has lines', () => {
    const query =
      'open=true&profile=fast&max_faces=3&landmarks=false&webhook_url=https://example.org/hook&output=s3://b/k';
    expect(call(query)).toEqual({
      open: true,
      options: { profile: 'fast', max_faces: 3, landmarks: false, attributes: true, orient: true },
      webhookUrl: 'https://example.org/hook',
      output: { url: 's3://b/k', overwrite: false },
      listing: undefined,
    });
  });

  it('comes from a JSON body, or from body and query with no option in both', () => {
    const body = { items: [], options: { max_faces: 3 }, output: 's3://b/k', overwrite: true };
    expect(call('open=true&profile=fast', body)).toMatchObject({
      open: true,
      options: { profile: 'fast', max_faces: 3, orient: true },
      output: { url: 's3://b/k', overwrite: true },
    });
    for (const query of ['max_faces=4', 'output=s3://b/other', 'overwrite=false']) {
      expect(refusal(() => call(query, body))).toMatch(/^invalid_request: .* is given in the query and in the body$/);
    }
  });

  it('has items, or a prefix to list, or is open', () => {
    const s3 = { prefix: 's3://b/p/' };
    expect(call('', { s3 }).listing).toEqual({
      prefix: 's3://b/p/',
      suffixes: ['.jpg', '.jpeg', '.png', '.bmp', '.webp'],
    });
    expect(call('', { s3: { ...s3, suffixes: ['.tif', '.tif'] } }).listing?.suffixes).toEqual(['.tif']);
    expect(call('', { open: true })).toMatchObject({ open: true, listing: undefined });
    expect(refusal(() => call('', {}))).toBe(
      'invalid_request: neither items nor s3 is given, and the batch is not open',
    );
    expect(refusal(() => call('', { items: [], s3 }))).toBe(
      'invalid_request: items and s3 cannot be used at the same time',
    );
  });

  it('is refused with the name of the invalid member', () => {
    const refused = (body: unknown) => refusal(() => call('', body));
    expect(refused([])).toBe('invalid_request: the body must be a JSON object with items or s3');
    expect(refused({ items: [], colour: 1 })).toMatch('unknown member "colour"; there are items, s3, open, options');
    expect(refused({ items: 5 })).toBe('invalid_request: items: expected a list');
    expect(refused({ items: [], options: { orient: false } })).toMatch('unknown member "orient"');
    expect(refused({ items: [], options: { max_faces: 0 } })).toMatch('options.max_faces:');
    expect(refused({ items: [], options: 5 })).toMatch('options: expected an object');
    expect(refused({ items: [], open: 'true' })).toBe('invalid_request: open: expected true or false');
    expect(refused({ items: [], webhook_url: 'ftp://x' })).toMatch('webhook_url: expected an http or https URL');
    expect(refused({ items: [], overwrite: true })).toMatch('overwrite needs output');
    expect(refused({ s3: {} })).toMatch('s3.prefix: expected a string');
    expect(refused({ s3: { prefix: 's3://b/p', suffixes: [] } })).toMatch('s3.suffixes: is empty');
    expect(refusal(() => call('priority=bulk'))).toMatch('unknown option "priority"');
    expect(refusal(() => call('overwrite=true'))).toBe('invalid_request: overwrite needs output');
    expect(refusal(() => call('overwrite=false'))).toBe('invalid_request: overwrite needs output');
    expect(call('').output).toBeUndefined();
  });
});

describe('the largest request about a batch', () => {
  const s3 = (more: object) => call('', { s3: { prefix: 's3://b/p/', ...more } });

  it.each<[string, (size: number) => unknown, number]>([
    ['items of a body', (size) => readItemsBody({ items: Array(size).fill({ url: 'u' }) }), 1000],
    ['items of a new batch', (size) => call('', { items: Array(size).fill({ url: 'u' }) }), 1000],
    ['characters of an id', (size) => readItemId({ id: 'x'.repeat(size) }), 1100],
    ['characters of an output', (size) => call(`output=${'x'.repeat(size)}`), 8192],
    ['characters of an output in the body', (size) => call('', { items: [], output: 'x'.repeat(size) }), 8192],
    ['characters of a prefix', (size) => s3({ prefix: 'x'.repeat(size) }), 8192],
    ['suffixes', (size) => s3({ suffixes: Array.from({ length: size }, (_, i) => `.${i}`) }), 32],
    ['characters of a suffix', (size) => s3({ suffixes: ['x'.repeat(size)] }), 32],
    ['lines of results', (size) => readResultsQuery(new URLSearchParams({ limit: String(size) })), 100_000],
    ['digits of a cursor', (size) => readResultsQuery(new URLSearchParams({ after: '1'.repeat(size) })), 15],
  ])('has a limit of %s, on which one more is refused', (_, act, most) => {
    expect(() => act(most)).not.toThrow();
    expect(() => act(1)).not.toThrow();
    expect(refusal(() => act(most + 1))).toMatch(/^invalid_request: /);
  });
});

test('a JSON body that appends items has only a list of items', () => {
  readItemsBody({ items: [] });
  expect(refusal(() => readItemsBody({}))).toMatch('items: expected a list');
  expect(refusal(() => readItemsBody(null))).toBe('invalid_request: the body must be a JSON object with items');
  expect(refusal(() => readItemsBody({ items: [], open: true }))).toMatch('unknown member "open"');
});

describe('an item', () => {
  it('has an image and an optional id', () => {
    expect(readItem({ id: 'a', url: 'https://example.org/a.jpg' })).toEqual({ url: 'https://example.org/a.jpg' });
    expect(readItem({ img: 'x' })).toEqual({ img: 'x' });
    expect(readItemId({ id: '2024/ä 1.jpg' })).toBe('2024/ä 1.jpg');
    expect(readItemId({ url: 'x' })).toBeNull();
  });

  it('is refused with the name of the invalid member', () => {
    expect(refusal(() => readItem('a'))).toMatch('an item is a JSON object with url or img');
    expect(refusal(() => readItemId([]))).toMatch('an item is a JSON object with url or img');
    expect(refusal(() => readItem({ id: 'a' }))).toMatch('neither url nor img is given');
    expect(refusal(() => readItem({ url: 'a', img: 'b' }))).toMatch('cannot be used at the same time');
    expect(refusal(() => readItem({ url: 'a', profile: 'fast' }))).toMatch('unknown member "profile"');
    expect(() => readItemId({ id: '' })).toThrow(expect.objectContaining({ parameter: 'id' }));
    for (const id of ['', 5, null, '#1', 'a\nb', '\ud800', 'x'.repeat(1101)]) {
      expect(refusal(() => readItemId({ id, url: 'x' }))).toMatch(/^invalid_request: id: /);
    }
  });
});

test('the query of results has a cursor, a limit and whether to follow', () => {
  const read = (query: string) => readResultsQuery(new URLSearchParams(query));
  expect(read('')).toEqual({ after: '', follow: false, limit: Number.POSITIVE_INFINITY });
  expect(read('after=12&follow=true&limit=5')).toEqual({ after: '12', follow: true, limit: 5 });
  expect(refusal(() => read('after=last'))).toBe(
    'invalid_request: option after: expected the cursor of a line of results',
  );
  for (const query of ['limit=0', 'limit=100001', 'follow=1', 'after=x1', 'after=1x', 'limit=5x'])
    expect(refusal(() => read(query))).toMatch('option');
});
