import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { csv } from './csv.ts';
import { ndjson } from './ndjson.ts';
import type { Format, Outcome } from './outcome.ts';
import { openResultsFile } from './results-file.ts';
import { failed, found, outcomes } from './testing/outcomes.ts';

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-results-'));
  path = join(folder, 'results');
});
beforeEach(() => rmSync(path, { force: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function written(format: Format, all: Outcome[], retryFailed = false): Promise<readonly string[]> {
  await using file = await openResultsFile(path, format, retryFailed);
  await Promise.all(all.map((outcome) => file.write(outcome)));
  return file.recorded;
}
const contents = () => readFileSync(path, 'utf8');

const FORMATS: [string, Format][] = [
  ['NDJSON', ndjson],
  ['CSV', csv],
];

describe.each(FORMATS)('a results file, %s', (_, format) => {
  const textOf = (all: Outcome[]) => format.header + all.map((outcome) => format.text(outcome)).join('');

  it('is continued wherever it was cut and has each image once in the end', async () => {
    await fc.assert(
      fc.asyncProperty(outcomes, fc.double({ min: 0, max: 1, noNaN: true }), async (all, share) => {
        const whole = Buffer.from(textOf(all));
        writeFileSync(path, whole.subarray(0, Math.round(share * whole.length)));
        const before = await written(format, []);
        expect(before).toEqual(all.slice(0, before.length).map(({ id }) => id));
        expect(contents()).toBe(textOf(all.slice(0, before.length)));
        const recorded = await written(format, all.slice(before.length));
        expect(recorded).toEqual(before);
        expect(contents()).toBe(textOf(all));
      }),
    );
  });

  it('loses the failed images with retryFailed, and no others', async () => {
    await fc.assert(
      fc.asyncProperty(outcomes, async (all) => {
        writeFileSync(path, textOf(all));
        const kept = all.filter(({ status }) => status !== 'failed');
        expect(await written(format, [], true)).toEqual(kept.map(({ id }) => id));
        expect(contents()).toBe(textOf(kept));
        expect(readdirSync(folder)).toEqual(['results']);
      }),
    );
  });

  it.each<[string, string]>([
    ['a picture', '\u00ff\u00d8\u00ffJFIF'],
    ['a text', 'dear diary,\n'],
    ['other JSON', '{"name":"x"}\n'],
    ['results with something else in between', `${textOf([found('a', 1)])}hello\n${format.text(found('b', 0))}`],
  ])('is left alone when it is %s', async (_, text) => {
    writeFileSync(path, text);
    await expect(written(format, [])).rejects.toThrow(/not a results file/);
    expect(contents()).toBe(text);
  });
});

describe('a results file', () => {
  it('in the other format is left alone', async () => {
    writeFileSync(path, csv.header);
    await expect(written(ndjson, [])).rejects.toThrow(/not a results file/);
    writeFileSync(path, ndjson.text(failed('a', 'b')));
    await expect(written(csv, [])).rejects.toThrow(/not a results file/);
  });

  it('that cannot be written is named in the error', async () => {
    path = join(folder, 'none', 'results');
    await expect(written(ndjson, [])).rejects.toThrow(/none\/results cannot be written: ENOENT/);
    path = folder;
    await expect(written(ndjson, [])).rejects.toThrow(/cannot be read: EISDIR/);
    path = join(folder, 'results');
  });
});
