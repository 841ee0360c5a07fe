import type { Session } from '../device/session.ts';
import { freeMemory } from '../free-memory.ts';
import type { Size } from '../image/index.ts';
import type { DetectionRules } from '../pack/manifest.ts';
import type { Pixels } from '../pixels/index.ts';
import { type Candidate, candidatesOf, type DetectorOutput, type View } from './candidate.ts';
import { type Letterbox, letterbox } from './letterbox.ts';
import type { Pass } from './passes.ts';
import { detectionPolicy, type Findings, lowestScore } from './policy.ts';
import { isSize, type Level, Pyramid } from './pyramid.ts';
import { ownsCentre, type TileGrid, tileGrid } from './tiles.ts';

/**
 * Finds faces: runs the detector for every pass that the detection policy requests.
 * @returns merged candidates that reach the pack's candidate score, highest first, in px of `image`
 */
export async function detectFaces(
  session: Session,
  image: Pixels,
  passes: readonly Pass[],
  rules: DetectionRules,
): Promise<Findings> {
  using _levels = image.arena.scope();
  const fit = ({ scale }: Pass) => letterbox(image, scale, rules.size_multiple);
  const certain = passes.filter((pass) => !pass.rules.skip);
  const pyramid = new Pyramid(image, certain.map(fit));
  const lowest = lowestScore(passes, rules);
  const policy = detectionPolicy(image, passes, rules);
  let step = policy.next();
  while (!step.done) {
    const pass = step.value;
    const box = fit(pass);
    const grid = tileGrid(box.net, rules.tiles, rules.size_multiple);
    const runs = runPass(session, pyramid.level(box), box, grid);
    const found: Candidate[] = [];
    for await (const { output, view, keeps } of runs) {
      found.push(...candidatesOf(output, lowest, view, pass.index, keeps));
      freeMemory(output.scores, output.boxes, output.points);
    }
    step = policy.next(found);
  }
  return step.value;
}

/** One run of the detector, and where its tile lies in the network's view of the whole image. */
interface TileRun {
  output: DetectorOutput;
  view: View;
  /** Whether this tile reports a face whose centre lies there, px of the whole view. */
  keeps(x: number, y: number): boolean;
}

/** Runs the detector over every tile of a pass. The tiles' pixels are copied into one place. */
async function* runPass(
  session: Session,
  { content, canvas: whole }: Level,
  { canvas, net, scaleX, scaleY }: Letterbox,
  { size, columns, rows }: TileGrid,
): AsyncGenerator<TileRun> {
  // How many times the graph enlarges what it gets; 1 where it does not.
  const enlargement = { x: net.width / canvas.width, y: net.height / canvas.height };
  const part: Size = {
    width: Math.round(size.width / enlargement.x),
    height: Math.round(size.height / enlargement.y),
  };
  // The graph stretches the part to the tile's size, which is not exactly the scale of the whole pass.
  const stretch = { x: size.width / part.width, y: size.height / part.height };
  const single = whole && isSize(whole, part) ? whole : null;
  using _tile = content.arena.scope();
  const tile = single ?? content.arena.pixels(part);
  const shrinkage = { x: scaleX / enlargement.x, y: scaleY / enlargement.y };
  for (const [row, top] of rows.starts.entries()) {
    for (const [column, left] of columns.starts.entries()) {
      const x = Math.round(left / enlargement.x);
      const y = Math.round(top / enlargement.y);
      if (!single) cut(content, x, y, tile);
      yield {
        output: await run(session, tile, size),
        view: {
          scaleX: shrinkage.x * stretch.x,
          scaleY: shrinkage.y * stretch.y,
          originX: x * stretch.x,
          originY: y * stretch.y,
        },
        keeps: (centreX, centreY) => ownsCentre(columns, column, centreX) && ownsCentre(rows, row, centreY),
      };
    }
  }
}

async function run(session: Session, pixels: Pixels, net: Size): Promise<DetectorOutput> {
  const output = await session.run({
    images: { data: pixels.data, dims: [1, pixels.height, pixels.width, 3] },
    size: { data: BigInt64Array.of(BigInt(net.height), BigInt(net.width)), dims: [2] },
  });
  const values = (name: string) => output[name]!.data as Float32Array;
  return { scores: values('scores'), boxes: values('boxes'), points: values('points') };
}

/** Copies the pixels of an image from `left`, `top` on; black where `to` reaches past the image's right or bottom side. */
function cut(image: Pixels, left: number, top: number, to: Pixels): void {
  const inside = {
    width: Math.min(to.width, image.width - left),
    height: Math.min(to.height, image.height - top),
  };
  if (inside.width < to.width || inside.height < to.height) to.data.fill(0);
  if (inside.width > 0 && inside.height > 0)
    image.arena.kernels.copy(image.part(left, top, inside), to.part(0, 0, inside));
}
