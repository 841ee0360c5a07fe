import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInPlace } from './base64.ts';

const decode = (text: string) => decodeInPlace(Buffer.from(text, 'latin1'));

/** RFC 4648 letter by letter, for comparison; null for what is not base64. */
function slowDecode(text: string): Buffer | null {
  const match = /^([A-Za-z0-9+/_-]*)(={0,2})$/.exec(text.replace(/[\t\n\r ]/g, ''));
  if (!match || match[1]!.length % 4 === 1) return null;
  if (match[2] && (match[1]!.length + match[2].length) % 4 !== 0) return null;
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const bits = [...match[1]!.replaceAll('-', '+').replaceAll('_', '/')]
    .map((letter) => alphabet.indexOf(letter).toString(2).padStart(6, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

describe('base64', () => {
  it('decodes every image, in either alphabet, padded or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        for (const form of ['base64', 'base64url'] as const)
          expect(decode(Buffer.from(bytes).toString(form))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('accepts exactly what RFC 4648 allows, and white space', () => {
    const letters = fc.constantFrom(...'AZaz09+/-_= \n\r\t!.,é\0');
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 24 }), (text) => {
        const expected = slowDecode(text.join(''));
        if (expected) expect(decode(text.join(''))).toEqual(expected);
        else expect(() => decode(text.join(''))).toThrow('img is not base64');
      }),
      { numRuns: 2000 },
    );
  });

  it('decodes images of any size, with line breaks of any length', () => {
    // Sizes around the chunk of 16 Ki characters that is decoded at a time.
    for (const size of [12_287, 12_288, 12_289, 24_575, 24_576, 400_001]) {
      const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31) ^ (i >> 8)));
      const text = bytes.toString('base64');
      expect(decode(text).equals(bytes)).toBe(true);
      for (const width of [76, 64, 1001]) {
        const lines = text.replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n');
        expect(decode(`${lines}\n`).equals(bytes)).toBe(true);
      }
    }
  });

  it('rejects one wrong character anywhere in a large image', () => {
    const text = Buffer.alloc(600_000, 7).toString('base64');
    for (const at of [0, 1, 16_383, 16_384, 524_288, text.length - 1]) {
      for (const wrong of ['!', '\0', 'é', '='])
        if (at < text.length - 1 || wrong !== '=')
          expect(() => decode(text.slice(0, at) + wrong + text.slice(at + 1)), `${wrong} at ${at}`).toThrow(
            'not base64',
          );
    }
  });

  it('drops the prefix of a data URL, whatever media type it names', () => {
    expect(decode('data:image/png;base64,YWJj').toString()).toBe('abc');
    expect(decode('DATA:;BASE64,YWJj').toString()).toBe('abc');
    expect(decode('data:image/svg+xml;charset=utf-8;base64,YWJj').toString()).toBe('abc');
    expect(() => decode('data:image/png,YWJj')).toThrow('not base64');
  });
});
