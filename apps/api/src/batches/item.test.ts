import { SOURCE_KINDS } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { itemFrom } from './item.ts';

const LIMIT = 100_000;
const read = (text: string | Buffer) =>
  itemFrom({ number: 3, text: Buffer.from(text as string) }, { maxImageBytes: LIMIT, sources: SOURCE_KINDS });
const failed = (name: string | null, detail: string) => ({
  name,
  line: 3,
  content: { kind: 'error', code: expect.any(String), detail: expect.stringContaining(detail) },
});

describe('an item', () => {
  it('has its image decoded, small or large', () => {
    for (const size of [1, LIMIT]) {
      const bytes = Buffer.alloc(size, 'image');
      const item = read(JSON.stringify({ img: bytes.toString('base64'), id: 'a' }));
      expect(item).toEqual({ name: 'a', line: 3, content: { kind: 'inline', bytes } });
    }
  });

  it('may name an image by URL', () => {
    expect(read('{"url":"s3://bucket/a.jpg"}')).toEqual({
      name: null,
      line: 3,
      content: { kind: 'url', url: 's3://bucket/a.jpg' },
    });
  });

  it('that is invalid fails under its id, if the id is readable', () => {
    expect(read('{"id":"a","img":"AAAA"')).toEqual(failed('a', 'the item is not valid JSON'));
    expect(read('{"img":"AAAA","id":"a"')).toEqual(failed(null, 'the item is not valid JSON'));
    expect(read('{"id":"a\\u00e9","id":"b"}')).toEqual(failed('aé', 'member "id" is given twice'));
    expect(read(Buffer.from('{"id":"caf\xe9","img":"AAAA"}', 'latin1'))).toEqual(failed(null, 'not UTF-8'));
    expect(read('{"id":"#1","img":"AAAA"}')).toEqual(failed(null, 'id: begins with #'));
    expect(read(JSON.stringify({ id: 'x'.repeat(60_000), img: 'AAAA' }))).toEqual(failed(null, 'id: is longer than'));
    expect(read(`{"id":"a","url":"https://example.org/${'x'.repeat(60_000)}"}`)).toEqual(
      failed('a', 'url is too long'),
    );
    expect(read('{"id":"a","url":"file:///etc/passwd"}')).toEqual(failed('a', 'url is not http, https or s3'));
    expect(read(JSON.stringify({ id: 'a', img: Buffer.alloc(LIMIT + 1).toString('base64') }))).toEqual(
      failed('a', 'the image is larger than 100000 bytes'),
    );
    expect(read('"a"')).toEqual(failed(null, 'an item is a JSON object with url or img'));
  });

  it('that is too long fails under its id, if the id comes first', () => {
    const head = (text: string) =>
      itemFrom({ number: 3, head: Buffer.from(text) }, { maxImageBytes: LIMIT, sources: SOURCE_KINDS });
    expect(head('{ "id": "a\\/b", "img":"AAA')).toEqual(failed('a/b', 'the image is larger than'));
    expect(head('{"img":"AAA')).toEqual(failed(null, 'the image is larger than'));
  });
});
