import type { Session } from '../device/session.ts';
import type { RgbImage, Size } from '../image/index.ts';
import type { DetectionRules } from '../pack/manifest.ts';
import { release } from '../release.ts';
import { type Candidate, candidatesOf, type DetectorOutput, type View } from './candidate.ts';
import { type Letterbox, letterbox } from './letterbox.ts';
import type { Pass } from './passes.ts';
import { detectionPolicy, type Findings, lowestScore } from './policy.ts';
import { Pyramid } from './pyramid.ts';
import { ownsCentre, type TileGrid, tileGrid } from './tiles.ts';

/**
 * Finds faces: runs the detector for every pass that the detection policy requests.
 * @returns merged candidates that reach the pack's candidate score, highest first, in px of `image`
 */
export async function detectFaces(
  session: Session,
  image: RgbImage,
  passes: readonly Pass[],
  rules: DetectionRules,
): Promise<Findings> {
  const fit = ({ scale }: Pass) => letterbox(image, scale, rules.size_multiple);
  const certain = passes.filter((pass) => !pass.rules.skip);
  const pyramid = new Pyramid(
    image,
    certain.map((pass) => fit(pass).content),
  );
  const lowest = lowestScore(passes, rules);
  const policy = detectionPolicy(image, passes, rules);
  let step = policy.next();
  while (!step.done) {
    const pass = step.value;
    const box = fit(pass);
    const grid = tileGrid(box.net, rules.tiles, rules.size_multiple);
    const runs = runPass(session, await pyramid.level(box.content), box, grid);
    const found: Candidate[] = [];
    for await (const { output, view, keeps } of runs) {
      found.push(...candidatesOf(output, lowest, view, pass.index, keeps));
      release(output.scores, output.boxes, output.points);
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

/** Runs the detector over every tile of a pass. The tiles' pixels are copied into one buffer. */
async function* runPass(
  session: Session,
  content: RgbImage,
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
  const buffer = new Uint8Array(
    content.width === part.width && content.height === part.height ? 0 : part.width * part.height * 3,
  );
  const shrinkage = { x: scaleX / enlargement.x, y: scaleY / enlargement.y };
  for (const [row, top] of rows.starts.entries()) {
    for (const [column, left] of columns.starts.entries()) {
      const x = Math.round(left / enlargement.x);
      const y = Math.round(top / enlargement.y);
      yield {
        output: await run(session, cut(content, x, y, part, buffer), part, size),
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

async function run(session: Session, pixels: Uint8Array, canvas: Size, net: Size): Promise<DetectorOutput> {
  const output = await session.run({
    images: { data: pixels, dims: [1, canvas.height, canvas.width, 3] },
    size: { data: BigInt64Array.of(BigInt(net.height), BigInt(net.width)), dims: [2] },
  });
  const values = (name: string) => output[name]!.data as Float32Array;
  return { scores: values('scores'), boxes: values('boxes'), points: values('points') };
}

/**
 * The pixels of a part of an image, black where it reaches past the image's right or bottom side.
 * @param into filled and returned, unless the part is the whole image: then the image's own array is returned
 */
function cut(image: RgbImage, left: number, top: number, { width, height }: Size, into: Uint8Array): Uint8Array {
  if (image.width === width && image.height === height) return image.data;
  const copied = Math.min(width, image.width - left) * 3;
  for (let y = 0; y < height; y++) {
    const at = y * width * 3;
    const from = ((top + y) * image.width + left) * 3;
    const inside = top + y < image.height ? copied : 0;
    if (inside > 0) into.set(image.data.subarray(from, from + inside), at);
    into.fill(0, at + inside, at + width * 3);
  }
  return into;
}
