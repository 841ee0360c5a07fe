import type { ItemLine } from '@facequeue/schema';
import { expect, it } from 'vitest';
import { HAS_CURL, runPage } from './run-page.ts';

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ItemLine);

it('the commands of the page do what it says', async ({ skip }) => {
  skip(!HAS_CURL, 'curl is not installed');
  const printed = await runPage('batches.md');
  expect(printed.map(({ heading }) => heading)).toEqual([
    'Batches',
    'Submit',
    'Submit',
    'Results',
    'Results',
    'Items that fail',
    'Append',
    'Cancel, erase',
  ]);
  const [functions, made, json, followed, pages, failed, appended, erased] = printed.map(({ text }) => text);
  expect(functions).toBe('');
  expect(JSON.parse(made!)).toMatchObject({ counts: { total: 6 } });
  expect(json).toBe('202\n');

  const items = lines(followed!.replaceAll(/\n\n+/g, '\n'));
  const faces = Object.fromEntries(items.map(({ id, result, error }) => [id, result?.Faces.length ?? error?.code]));
  expect(faces).toEqual({
    'test/images/README.md': 'unsupported_media_type',
    'test/images/astronaut.png': 1,
    'test/images/no-face-cat.png': 0,
    'test/images/no-face-coffee.png': 0,
    'test/images/portrait-1.jpg': 1,
    'test/images/portrait-2.jpg': 1,
  });
  expect(lines(pages!)).toEqual(items);

  expect(lines(failed!).map(({ id, line, error }) => [id, line, error?.code])).toEqual([
    ['cut off', 1, 'invalid_request'],
    ['no such scheme', 2, 'invalid_request'],
    ['neither', 3, 'invalid_request'],
  ]);

  expect(appended).toMatch(
    /^\{"accepted":2,"skipped":0,.*\}\{"accepted":0,"skipped":2,.*\}\{"id":.*"status":"\w+",.*"total":4/s,
  );
  expect(erased).toMatch(/("status":"canceled"|"code":"conflict").*\}204\n\{.*"code":"gone"/);
});
