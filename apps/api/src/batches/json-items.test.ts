import { isFacequeueError } from '@facequeue/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitItems } from './json-items.ts';

const split = (text: string) => {
  const { members, items } = splitItems(Buffer.from(text));
  return { members, items: items.map((item) => JSON.parse(String(item))) };
};

function refusal(text: string): string {
  try {
    split(text);
  } catch (error) {
    if (isFacequeueError(error)) return error.message;
    throw error;
  }
  throw new Error('no error');
}

/** Names other than `items`; strings with characters that JSON escapes. */
const name = fc.string({ unit: fc.constantFrom('i', 'é', '"', '\\', '[', ']', ',', '{', '\n'), maxLength: 6 });

describe('the items of a JSON body', () => {
  it('are cut out unchanged, whatever they and the rest contain', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const indent = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 5 }),
        fc.dictionary(name, value),
        indent,
        fc.nat(),
        (items, rest, by, at) => {
          const entries = Object.entries(rest);
          entries.splice(at % (entries.length + 1), 0, ['items', items as never]);
          const body = Object.fromEntries(entries);
          // Through JSON and back, as it arrives: JSON has no -0.
          const expected = JSON.parse(JSON.stringify(body));
          expect(split(JSON.stringify(body, null, by))).toEqual({
            members: { ...expected, items: [] },
            items: expected.items,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are found by their name however it is escaped, and only at the top level', () => {
    expect(split('{"\\u0069tems":[1]}')).toEqual({ members: { items: [] }, items: [1] });
    expect(split('{"a":{"items":[1]},"b":["items",[2]]}').items).toEqual([]);
    expect(split('{"items":{"items":[1]}}').items).toEqual([]);
    expect(split('{"a":"items","b":[1]}').items).toEqual([]);
    expect(split('[{"items":[1]}]')).toEqual({ members: [{ items: [1] }], items: [] });
  });

  it('are refused if the rest of the body is not JSON', () => {
    for (const text of [
      '{"items":[',
      '{"items":[1',
      '{"items":[1]',
      '{"items":[1,]}',
      '{"items":[,1]}',
      '{"items":["a]}',
      'x',
    ]) {
      expect(refusal(text), text).toBe('the body is not valid JSON');
    }
    expect(refusal('{"items":[1],"items":[2]}')).toBe('member "items" is given twice');
  });

  it('are at most a thousand, in a body that is mostly strings', () => {
    expect(split(`{"items":[${Array(1000).fill('1').join()}]}`).items.length).toBe(1000);
    expect(refusal(`{"items":[${Array(1001).fill('1').join()}]}`)).toMatch('there are more than 1000 items');
    expect(refusal(`{"items":[${'['.repeat(2e6)}`)).toMatch('bytes outside its strings');
    expect(refusal(`{"items":[${'"'.repeat(3e6)}`)).toMatch('bytes outside its strings');
    expect(refusal(`{"items":[],"output":"${'a'.repeat(2e5)}"}`)).toMatch('bytes beside its items');
  });
});
