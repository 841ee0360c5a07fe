/** How a large pass is cut into overlapping tiles of one size, and which tile a face belongs to. */

import type { Size } from '../image/index.ts';
import type { TileRules } from '../pack/passes.ts';

/** Tiles of one size along one side, px. */
interface Row {
  readonly length: number;
  /** Where each tile begins. */
  readonly starts: readonly number[];
}

export interface TileGrid {
  readonly size: Size;
  readonly columns: Row;
  readonly rows: Row;
}

/** How far beyond the middle of an overlap a face's centre may lie, px: each tile places it a little differently. */
const SLACK = 16;

const ceilTo = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;

/**
 * The grid with the least total area; a single tile where the pass is small enough.
 * @param net size of the pass, px, multiples of `multiple`
 */
export function tileGrid(net: Size, rules: TileRules, multiple: number): TileGrid {
  const whole = { size: net, columns: row(net.width, net.width, 1), rows: row(net.height, net.height, 1) };
  if (net.width * net.height <= rules.above_megapixels * 1e6) return whole;
  const length = (side: number, count: number) => ceilTo((side + (count - 1) * rules.overlap) / count, multiple);
  const most = (side: number) => Math.ceil(side / Math.max(multiple, rules.overlap));
  let least = Infinity;
  let best = whole;
  for (let columns = 1; columns <= most(net.width); columns++) {
    for (let rows = 1; rows <= most(net.height); rows++) {
      const size = { width: length(net.width, columns), height: length(net.height, rows) };
      const area = size.width * size.height;
      if (area > rules.max_megapixels * 1e6 || area * columns * rows >= least) continue;
      least = area * columns * rows;
      best = { size, columns: row(net.width, size.width, columns), rows: row(net.height, size.height, rows) };
    }
  }
  return best;
}

function row(side: number, length: number, count: number): Row {
  const gap = count > 1 ? (side - length) / (count - 1) : 0;
  return { length, starts: Array.from({ length: count }, (_, i) => Math.round(i * gap)) };
}

/**
 * Whether a face belongs to a tile: its centre lies on the tile's own side of the middle of each overlap, or close to
 * it. So a face is seen by a tile that has at least half an overlap of picture around its centre.
 * @param index the tile's place in the row
 * @param centre of the face, px of the whole row
 */
export function ownsCentre({ starts, length }: Row, index: number, centre: number): boolean {
  const middleAfter = (i: number) => (starts[i]! + length + starts[i + 1]!) / 2;
  const from = index === 0 ? -Infinity : middleAfter(index - 1) - SLACK;
  const to = index === starts.length - 1 ? Infinity : middleAfter(index) + SLACK;
  return centre >= from && centre <= to;
}
