import { expect, it } from 'vitest';
import { runPage } from './run-page.ts';

it('the commands of the page do what it says', async () => {
  const printed = await runPage('ingest.md');
  expect(printed.map(({ heading }) => heading)).toEqual(['Ingest', 'Input', 'Run it again']);
  const [first, list, again] = printed.map(({ text }) => text);
  expect(first).toBe('');
  const [header, ...rows] = list!.trim().split('\n');
  expect(header).toMatch(/^id,status,faces,face,left,top,/);
  expect(rows.map((row) => row.split(',').slice(0, 4)).sort()).toEqual([
    ['test/images/portrait-1.jpg', 'succeeded', '1', '1'],
    ['test/images/portrait-2.jpg', 'succeeded', '1', '1'],
  ]);
  expect(again).toBe('');
});
