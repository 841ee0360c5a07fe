/**
 * Scenes with known faces, made from the three portraits of test/images and painted surfaces: one small face alone, sheets full of
 * portraits, surfaces without a face. The same seed makes the same scenes.
 */
import sharp from 'sharp';
import { type Box, CUT, PEOPLE, PHOTOGRAPHS, type Picture, paste, portrait } from '../fixtures/index.ts';
import { integer, pick, type Random, randomFrom } from '../random.ts';
import { TEXTURE_KINDS, type TextureKind, texture } from './texture.ts';

/** A JPEG and its faces, boxed as the detector boxes them in the portraits. */
export interface LabelledScene {
  /** File name without a folder; unique among the scenes of one call. */
  name: string;
  bytes: Buffer;
  width: number;
  height: number;
  boxes: Box[];
}

/** Backgrounds of single faces: the surfaces that people stand in front of. */
const BACKGROUNDS: readonly TextureKind[] = ['wall', 'clouds', 'foliage', 'bricks', 'windows', 'gravel'];

/** Side of a sheet of portraits, px. */
export const SHEET_SIDE = 4056;

/** Backgrounds of single faces in pictures of one size; each is painted once. */
export class Placements {
  readonly width: number;
  readonly height: number;
  readonly #seed: number;
  readonly #painted = new Map<TextureKind, Picture>();

  constructor(width: number, height: number, seed: number) {
    this.width = width;
    this.height = height;
    this.#seed = seed;
  }

  /**
   * Pictures with one face each: the people in turn, mirrored every second time, anywhere in the picture.
   * @param faceWidth px
   */
  async *scenes(faceWidth: number, count: number): AsyncGenerator<LabelledScene> {
    const random = randomFrom(this.#seed);
    for (let i = 0; i < count; i++) {
      // Each person stands before each background.
      const kind = BACKGROUNDS[Math.floor(i / PEOPLE.length) % BACKGROUNDS.length]!;
      const { square, face } = await person(random, i, faceWidth);
      const left = integer(random, 0, this.width - square.width);
      const top = integer(random, 0, this.height - square.height);
      yield {
        name: `${this.width}x${this.height}-${faceWidth}px-${i}-${kind}.jpg`,
        bytes: await this.#withPortrait(this.#background(kind), square, left, top),
        width: this.width,
        height: this.height,
        boxes: [{ ...face, x: face.x + left, y: face.y + top }],
      };
    }
  }

  #background(kind: TextureKind): Picture {
    const painted = this.#painted.get(kind) ?? texture(kind, this.width, this.height, this.#seed);
    this.#painted.set(kind, painted);
    return painted;
  }

  /** Pastes, encodes, and restores the background for the next portrait. */
  async #withPortrait(background: Picture, square: Picture, left: number, top: number): Promise<Buffer> {
    const [from, to] = [top * this.width * 3, (top + square.height) * this.width * 3];
    const rows = background.data.slice(from, to);
    paste(background, square, left, top);
    const bytes = await jpeg(background);
    background.data.set(rows, from);
    return bytes;
  }
}

/** A sheet of `columns` x `columns` portraits without gaps, each the largest square of its photograph. */
export async function sheet(columns: number, seed: number): Promise<LabelledScene> {
  const random = randomFrom(seed);
  const canvas: Picture = {
    data: new Uint8Array(SHEET_SIDE * SHEET_SIDE * 3).fill(128),
    width: SHEET_SIDE,
    height: SHEET_SIDE,
  };
  const cell = SHEET_SIDE / columns;
  const boxes: Box[] = [];
  for (let i = 0; i < columns * columns; i++) {
    const name = pick(random, PEOPLE);
    const { square, face } = await portrait(name, Math.round(cell), random() < 0.5, Number.POSITIVE_INFINITY);
    const left = Math.round((i % columns) * cell);
    const top = Math.round(Math.floor(i / columns) * cell);
    paste(canvas, square, left, top);
    boxes.push({ ...face, x: face.x + left, y: face.y + top });
  }
  return {
    name: `sheet-${columns}x${columns}.jpg`,
    bytes: await jpeg(canvas),
    width: SHEET_SIDE,
    height: SHEET_SIDE,
    boxes,
  };
}

/** A scene turned clockwise, without EXIF. */
export async function turned({ name, bytes, width, height, boxes }: LabelledScene, degrees: 90 | 180 | 270) {
  const back = ({ x, y, width: w, height: h }: Box): Box => {
    if (degrees === 90) return { x: height - y - h, y: x, width: h, height: w };
    if (degrees === 180) return { x: width - x - w, y: height - y - h, width: w, height: h };
    return { x: y, y: width - x - w, width: h, height: w };
  };
  const scene: LabelledScene = {
    name: `turned-${degrees}-${name}`,
    bytes: await sharp(bytes).rotate(degrees).jpeg({ quality: 92 }).toBuffer(),
    width: degrees === 180 ? width : height,
    height: degrees === 180 ? height : width,
    boxes: boxes.map(back),
  };
  return scene;
}

/** Surfaces without a face, the kinds in turn. */
export async function* faceless(
  count: number,
  width: number,
  height: number,
  seed: number,
): AsyncGenerator<LabelledScene> {
  for (let i = 0; i < count; i++) {
    const kind = TEXTURE_KINDS[i % TEXTURE_KINDS.length]!;
    const bytes = await jpeg(texture(kind, width, height, seed + i));
    yield { name: `faceless-${i}-${kind}.jpg`, bytes, width, height, boxes: [] };
  }
}

/** The portrait of the `index`th person with a face of a width, and where the face is in it. */
function person(random: Random, index: number, faceWidth: number) {
  const name = PEOPLE[index % PEOPLE.length]!;
  const { width, height } = PHOTOGRAPHS[name];
  return portrait(name, Math.round((faceWidth * CUT * height) / width), random() < 0.5);
}

function jpeg({ data, width, height }: Picture): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 92 })
    .toBuffer();
}
