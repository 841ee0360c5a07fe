import type { SceneFigures } from './measure.ts';

/** Widths of faces that are tried, px. */
export const WIDTHS = [12, 14, 16, 18, 20, 22, 24, 26, 28, 32, 36, 40, 44, 50, 56, 64] as const;

/** A width and what was found of it. */
export interface Probe {
  width: number;
  figures: SceneFigures;
}

/** Found in nearly all placements: 57 of 60. */
export const isEnough = ({ found, faces }: Pick<SceneFigures, 'found' | 'faces'>) => found >= Math.ceil(0.95 * faces);

/**
 * The smallest width that is found nearly always, by bisection: a wider face is taken to be found no less often.
 * @param probe measures one width; null when such pictures are refused
 * @returns that width, and the next smaller one, null where there is none; null when such pictures are refused
 */
export async function smallestWidth(
  probe: (width: number) => Promise<SceneFigures | null>,
): Promise<{ found: Probe | null; missed: Probe | null } | null> {
  let low = 0;
  let high: number = WIDTHS.length;
  let [found, missed]: [Probe | null, Probe | null] = [null, null];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const width = WIDTHS[middle]!;
    const figures = await probe(width);
    if (!figures) return null;
    if (isEnough(figures)) {
      found = { width, figures };
      high = middle;
    } else {
      missed = { width, figures };
      low = middle + 1;
    }
  }
  return { found, missed };
}
