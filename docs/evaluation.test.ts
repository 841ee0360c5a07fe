import { expect, it } from 'vitest';
import { runPage } from './run-page.ts';

it('the commands of the page do what it says', async () => {
  const printed = await runPage('evaluation.md');
  const textOf = (heading: string) =>
    printed
      .filter((one) => one.heading === heading)
      .map(({ text }) => text)
      .join('');
  expect(printed.map(({ heading }) => heading)).toEqual([
    'Evaluation',
    'Detection',
    'Detection',
    'Landmarks',
    'Age and gender',
    'Compare two packs',
  ]);
  const detection = textOf('Detection');
  expect(detection).toMatch(/^AP@0\.5 \(all-point interpolation\): 100\.0 %$/m);
  expect(detection).toMatch(/^portrait-1\.jpg,,[\d.]+,1,0,1,0,0\nno-face-coffee\.png,,[\d.]+,0,0,0,0,0$/m);
  const served = JSON.parse(detection.slice(detection.indexOf('\n{"subject"')));
  expect(served).toMatchObject({
    answers_from: expect.stringMatching(/^http:/),
    figures: { faces: 1, average_precision: 1, operating_point: { recall: 1, false_per_image: 0 } },
  });
  expect(textOf('Landmarks')).toMatch(/^ {2}all +2 +0 +0\.\d\d +0\.\d\d +0\.0 % +0\.9\d\d$/m);
  expect(textOf('Age and gender')).toMatch(/^ {2}all +1 +0 +100\.0 % +\d+\.\d\d +-?\d+\.\d\d$/m);
  expect(textOf('Compare two packs')).toMatch(/^3 faces in both, 0 vanished, 0 appeared; 0 genders changed\.$/m);
});
