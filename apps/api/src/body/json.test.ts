import { isFacequeueError } from '@facequeue/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from './json.ts';

const read = (text: string | Buffer, lenient = false) => readJson(Buffer.from(text as string), lenient);
const large = Buffer.alloc(300_000, 'large image');

function failure(text: string | Buffer, lenient = false) {
  try {
    read(text, lenient);
  } catch (error) {
    if (isFacequeueError(error)) return { code: error.code, detail: error.message, parameter: error.parameter };
    throw error;
  }
  throw new Error('no error');
}

describe('a JSON body', () => {
  it('carries an image in base64, small or large, in any position', () => {
    for (const bytes of [Buffer.from('small'), large]) {
      const img = bytes.toString('base64');
      expect(read(JSON.stringify({ img }))).toEqual({ bytes });
      expect(read(`\n { "\\u0069mg" :\t"${img}" } `)).toEqual({ bytes });
      expect(read(JSON.stringify({ img }).replaceAll('/', '\\/'))).toEqual({ bytes });
      expect(read(`{"img":"data:image/jpeg;base64,${img}"}`)).toEqual({ bytes });
    }
  });

  it('may contain line breaks in base64, as shells produce them', () => {
    const lines = large.toString('base64').replace(/.{76}/g, '$&\n');
    expect(read(`{"img":"${lines}"}`)).toEqual({ bytes: large });
    expect(read(JSON.stringify({ img: lines }))).toEqual({ bytes: large });
  });

  it('names an image by URL', () => {
    expect(read('{"url":"https://example.org/ä.jpg"}')).toEqual({ url: 'https://example.org/ä.jpg' });
    const long = `https://example.org/${'a'.repeat(8000)}`;
    expect(read(JSON.stringify({ url: long }))).toEqual({ url: long });
  });

  it.each([
    ['nothing', '', undefined, /empty/],
    ['something that is not JSON', '{"img":', undefined, /JSON/],
    ['text after the JSON', '{"url":"http://a/b"}x', undefined, /JSON/],
    ['an array', '[]', undefined, /object/],
    ['null', 'null', undefined, /object/],
    ['a string', '"img"', undefined, /object/],
    ['neither member', '{}', undefined, /neither/],
    ['both members', '{"url":"http://a/b","img":"YWJj"}', 'url and img', /same time/],
    ['an unknown member', '{"img":"YWJj","colour":"red"}', undefined, /"colour"/],
    ['a number for the image', '{"img":1}', 'img', /^img: expected a string/],
    ['null for the URL', '{"url":null}', 'url', /^url: expected a string/],
    ['an empty image', '{"img":""}', 'img', /empty/],
    ['an empty image in a data URL', '{"img":"data:image/png;base64,"}', 'img', /empty/],
    ['an empty URL', '{"url":""}', 'url', /empty/],
    ['a URL of 9000 characters', JSON.stringify({ url: `http://a/${'b'.repeat(9000)}` }), 'url', /longer/],
    ['a URL of a million characters', JSON.stringify({ url: `http://a/${'b'.repeat(1e6)}` }), 'url', /long/],
    ['the same member twice', '{"img":"YWJj","img":"YWJj"}', undefined, /"img" is given twice/],
    ['the same member twice, once escaped', '{"img":"YWJj","\\u0069mg":"YWJj"}', undefined, /twice/],
    ['a prototype', '{"img":"YWJj","__proto__":{"url":"http://a/b"}}', undefined, /"__proto__"/],
    ['a constructor', '{"constructor":{"prototype":{"url":"http://a/b"}}}', undefined, /"constructor"/],
  ])('with %s is an invalid request', (_, text, parameter, detail) => {
    const error = failure(text);
    expect(error).toMatchObject({ code: 'invalid_request', parameter });
    expect(error.detail).toMatch(detail);
    expect(({} as Record<string, unknown>)['url']).toBeUndefined();
  });

  it('with invalid base64 is refused, small or large', () => {
    const text = large.toString('base64');
    for (const img of ['no!', 'YWJj=', '{}', 'data:image/png,abc', `${text}!`, `!${text}`, `${text}\\u00e9`])
      expect(failure(`{"img":"${img}"}`), img.slice(0, 20)).toMatchObject({ code: 'invalid_base64', parameter: 'img' });
  });

  it('that is not UTF-8 is an invalid request', () => {
    expect(failure(Buffer.from('{"url":"http://\xff"}', 'latin1')).detail).toMatch(/UTF-8/);
  });

  it('that is costly by design is refused: depth, many members, many strings, many quotes', () => {
    const bombs = [
      '['.repeat(1e6),
      `{"img":${'['.repeat(1e6)}${']'.repeat(1e6)}}`,
      `{"img":${'{"a":'.repeat(2e5)}1${'}'.repeat(2e5)}}`,
      `{${Array.from({ length: 1e5 }, (_, i) => `"${i}":1`)}}`,
      `[${'"",'.repeat(5e5)}""]`,
      `{"img":"${'\\"'.repeat(1e6)}"}`,
      `{"img":"${'\\'.repeat(1e6)}"}`,
    ];
    for (const bomb of bombs) expect(failure(bomb).code, bomb.slice(0, 20)).toMatch(/^invalid_(request|base64)$/);
  });

  it('may have other members where the reference service ignores them', () => {
    const members = { img: large.toString('base64'), colour: 'red', more: { img: 1 }, __proto__x: 1 };
    expect(read(JSON.stringify(members), true)).toEqual({ bytes: large });
    expect(failure('{"img":"YWJj","url":"http://a/b","colour":1}', true).parameter).toBe('url and img');
  });

  it('is parsed as JSON.parse does, whichever string is the long one', () => {
    const text = fc.oneof(fc.string(), fc.constant('x'.repeat(60_000)), fc.base64String());
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('url', 'img', 'a'), text, { noNullPrototype: true }), (members) => {
        const json = JSON.stringify(members);
        const names = Object.keys(members);
        const usable = names.length === 1 && names[0] !== 'a';
        if (!usable) expect(failure(json).code).toBe('invalid_request');
        else if (members['url'] !== undefined && members['url'].length > 0 && members['url'].length <= 8192)
          expect(read(json)).toEqual({ url: members['url'] });
      }),
    );
  });
});
