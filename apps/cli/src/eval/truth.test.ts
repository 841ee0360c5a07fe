import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../usage.ts';
import { selected } from './answers.ts';
import { readDetectionTruth, readLandmarkTruth, readPeople } from './truth.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-truth-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of the folder; without a text it does not exist. */
function file(name: string, text?: string): string {
  if (text !== undefined) writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('ground truth from files', () => {
  it.each([
    ['none.json', undefined, 'none.json: no such file'],
    ['damaged.json', '{\n"images": [\n}', 'damaged.json: line 3: not JSON'],
    ['damaged.txt', 'a.jpg\n1\n1 2 x 4', 'damaged.txt: line 3: expected the numbers of a face'],
    ['faces.xml', '<faces/>', 'faces.xml: expected a name that ends in .txt or .json'],
  ])('refuses boxes in %s', (name, text, message) => {
    const path = file(name, text);
    expect(() => readDetectionTruth(path)).toThrow(UsageError);
    expect(() => readDetectionTruth(path)).toThrow(message);
  });

  it('reads the form that the suffix names', () => {
    expect(readDetectionTruth(file('W.TXT', 'a.jpg\n0\n')).protocol).toBe('WIDER FACE');
    const coco = '{"images":[{"id":1,"file_name":"a.jpg"}],"annotations":[]}';
    expect(readDetectionTruth(file('c.json', coco)).protocol).toBe('COCO');
    expect(() => readLandmarkTruth(file('c.ndjson', coco))).toThrow('c.ndjson: file: ');
    expect(() => readLandmarkTruth(file('c.txt', '1 2 3'))).toThrow('c.txt: line 1: expected 197 or 207 columns');
  });

  it('refuses a folder without people', () => {
    expect(() => readPeople(join(folder, 'none'))).toThrow('none is not a folder');
    file('a.jpg', 'image');
    expect(() => readPeople(folder)).toThrow('has no image with a name such as 25_0_2_20170116174525125.jpg');
    file('25_0_2_2017.jpg', 'image');
    expect(readPeople(folder)).toEqual({
      people: [{ file: '25_0_2_2017.jpg', person: { age: 25, gender: 'male', origin: 'asian' } }],
      others: ['a.jpg'],
    });
  });
});

describe('a selection', () => {
  const images = Array.from({ length: 20 }, (_, i) => ({ file: `${i}.jpg` }));

  it('takes all images, the first ones, or some drawn by the seed', () => {
    const all = { limit: undefined, sample: undefined, seed: 1 };
    expect(selected(images, all)).toEqual(images);
    expect(selected(images, { ...all, limit: 3 })).toEqual(images.slice(0, 3));
    const drawn = selected(images, { ...all, sample: 5 });
    expect(drawn).toHaveLength(5);
    expect(selected(images, { ...all, sample: 5, seed: 2 })).not.toEqual(drawn);
  });
});
