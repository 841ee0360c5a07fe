import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csv, csvRow, csvValues } from './csv.ts';
import { ndjson } from './ndjson.ts';
import type { Format } from './outcome.ts';
import { failed, found, outcomes } from './testing/outcomes.ts';

const FORMATS: [string, Format][] = [
  ['NDJSON', ndjson],
  ['CSV', csv],
];

describe.each(FORMATS)('%s', (_, format) => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(outcomes, (all) => {
        const text = all.map((outcome) => format.text(outcome)).join('');
        const reader = format.reader();
        const lines = text.split('\n');
        expect(lines.pop()).toBe('');
        const read = lines.flatMap((line) => reader.push(line) ?? []);
        expect(read).toEqual(all.map(({ id, status }) => ({ id, status })));
      }),
    );
  });

  it('recognizes its own beginning, wherever it is cut, and no other', () => {
    const text = format.header + format.text(found('a', 1));
    const firstLine = text.slice(0, text.indexOf('\n'));
    for (let end = 0; end <= firstLine.length; end++) expect(format.mayBegin(text.slice(0, end))).toBe(true);
    for (const foreign of ['\ufffd\ufffdJFIF', '[', '{"name":"x"', 'name,age'])
      expect(format.mayBegin(foreign)).toBe(false);
  });

  it.each(['', 'hello', '{}', '[1]', 'null', 'a,b', '{"id":1,"status":"failed"}', '"'.repeat(4)])(
    'refuses %j as an outcome',
    (line) => expect(() => format.reader().push(line)).toThrow(),
  );
});

describe('CSV', () => {
  it('reads back the values of a row', () => {
    const values = fc.array(fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', '') }), { minLength: 1 });
    fc.assert(
      fc.property(values, (all) => {
        expect(csvValues(csvRow(all).slice(0, -1))).toEqual(all);
      }),
    );
  });

  it('quotes values with a quote, a comma, CR or LF, and no others', () => {
    expect(csvRow(['a"b', 'a,b', 'a\rb', 'a\nb', ' a b ', '=a+b', '', null, 0, 1e-7])).toBe(
      '"a""b","a,b","a\rb","a\nb", a b ,=a+b,,,0,1e-7\n',
    );
  });

  it('has a row for each face, or one for an image without a face', () => {
    expect(csv.header).toBe(
      'id,status,faces,face,left,top,width,height,confidence,gender,age,image_width,image_height,error\n',
    );
    expect(csv.text(found('a.jpg', 2))).toBe(
      'a.jpg,succeeded,2,1,0.25,0.5,0.125,0.0625,0.9,female,30,640,480,\n' +
        'a.jpg,succeeded,2,2,0.25,0.5,0.125,0.0625,0.9,,,640,480,\n',
    );
    expect(csv.text(found('a,b.jpg', 0))).toBe('"a,b.jpg",succeeded,0,,,,,,,,,640,480,\n');
    expect(csv.text(failed('c.jpg', 'half an "image"'))).toBe(
      'c.jpg,failed,0,,,,,,,,,,,"image_undecodable: half an ""image"""\n',
    );
  });
});

describe('NDJSON', () => {
  it('has an outcome a line, its id first', () => {
    const outcome = found('a.jpg', 1);
    expect(JSON.parse(ndjson.text(outcome))).toEqual(outcome);
    const { id, ...rest } = outcome;
    expect(ndjson.text({ ...rest, id })).toBe(ndjson.text(outcome));
  });
});
