/** What a comparison of two packs prints: figures, text and page. */
import { join } from 'node:path';
import { comparisonFigures, type Shift } from '@facequeue/evaluation';
import type { Pipeline } from '@facequeue/pipeline';
import { readImage } from '../detect/read-image.ts';
import { type PageEntry, renderPage } from '../page/page.ts';
import { COLOURS, closeUpOf } from '../page/picture.ts';
import { quantile } from '../quantile.ts';
import { fixed, textTable } from '../table.ts';
import type { CompareCall } from './compare-call.ts';
import type { Compared, Cost } from './compare-image.ts';

/** Costs of both packs, and how their faces differ. */
export function figuresOf(
  compared: readonly Compared[],
  [before, after]: readonly [Pipeline, Pipeline],
  call: CompareCall,
) {
  const costOf = (which: 'before' | 'after', kind: keyof Cost) => {
    const sorted = compared.map(({ cost }) => cost[which][kind]).sort((a, b) => a - b);
    const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
    return { mean, median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
  };
  const side = (which: 'before' | 'after', { model }: Pipeline, path: string) => ({
    pack: `${model.name} ${model.version}`,
    path,
    cpuMs: costOf(which, 'cpu'),
    ms: costOf(which, 'wall'),
  });
  return {
    folder: call.folder,
    profile: call.options.profile,
    before: side('before', before, call.before),
    after: side('after', after, call.after),
    differences: comparisonFigures(compared.map(({ comparison }) => comparison)),
  };
}

/** The figures as tables. */
export function textOf({ folder, profile, before, after, differences }: ReturnType<typeof figuresOf>): string {
  const { images, pairs, vanished, appeared, genders } = differences;
  const shift = (name: string, of: Shift | null, scale: number, decimals: number, unit: string) =>
    of
      ? [`${name}, ${unit}`, fixed(scale * of.mean, decimals), fixed(scale * of.largest, decimals)]
      : [`${name}, ${unit}`, null, null];
  const cost = (name: string, kind: 'cpuMs' | 'ms') =>
    [before, after].map((side, i) => [
      `${name}, ${i === 0 ? 'before' : 'after'}`,
      fixed(side[kind].mean, 1),
      fixed(side[kind].median, 1),
      fixed(side[kind].p95, 1),
    ]);
  return [
    `before: ${before.pack} (${before.path})\nafter:  ${after.pack} (${after.path})\n`,
    `${images} images of ${folder}, profile ${profile}\n\n`,
    `${pairs} faces in both, ${vanished} vanished, ${appeared} appeared; ${genders} genders changed.\n\n`,
    textTable(
      ['of faces in both, after - before', 'mean', 'largest'],
      [
        shift('confidence', differences.confidence, 1, 4, '0..1'),
        shift("the box's middle", differences.boxes, 100, 2, "% of the face's size"),
        shift("the box's size", differences.sizes, 100, 2, '%'),
        shift('106 points', differences.points, 100, 2, "% of the face's size"),
        shift('age', differences.ages, 1, 2, 'years'),
      ],
    ),
    '\n',
    textTable(['an image', 'mean', 'median', '95 %'], [...cost('CPU-ms', 'cpuMs'), ...cost('ms', 'ms')]),
  ].join('');
}

/** A page with the images whose faces differ most. */
export function pageOf(compared: readonly Compared[], text: string, { folder, worst }: CompareCall): Promise<string> {
  const changes = ({ comparison }: Compared) => comparison.vanished.length + comparison.appeared.length;
  const entries = compared
    .filter((one) => changes(one) > 0)
    .sort((a, b) => changes(b) - changes(a))
    .slice(0, worst)
    .map(
      ({ file, comparison: { pairs, vanished, appeared } }): PageEntry => ({
        file,
        picture: {
          caption: `${pairs.length} faces in both, ${vanished.length} vanished, ${appeared.length} appeared.`,
          marks: [
            ...pairs.map(({ after: { box } }) => ({ box, colour: COLOURS.ignored })),
            ...vanished.map(({ box }) => ({ box, colour: COLOURS.missed })),
            ...appeared.map(({ box }) => ({ box, colour: COLOURS.found })),
          ],
          closeUps: [...vanished, ...appeared].map(({ box }) => closeUpOf(box)),
        },
        read: () => readImage(join(folder, file), Number.POSITIVE_INFINITY),
      }),
    );
  const legend = [
    { colour: 'missed', meaning: 'vanished' },
    { colour: 'found', meaning: 'appeared' },
    { colour: 'ignored', meaning: 'in both' },
  ] as const;
  return renderPage({ title: `Two packs over ${compared.length} images`, text, legend }, entries);
}
