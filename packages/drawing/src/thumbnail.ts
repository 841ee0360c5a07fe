import { createCanvas } from '@napi-rs/canvas';
import { canvasOf } from './canvas.ts';
import { clamp, SHADE } from './style.ts';
import type { Picture, Rectangle } from './types.ts';

/** A box to draw, and points of its face. */
export interface Mark {
  /** px of the picture. */
  box: Rectangle;
  /** CSS colour. */
  colour: string;
  /** x, y pairs, px of the picture. */
  points?: ArrayLike<number>;
}

export interface ThumbnailOptions {
  /** Longest side of the thumbnail, px; small parts are enlarged to it at most four times. */
  side: number;
  /** The part that is drawn, px of the picture; all of it by default. */
  part?: Rectangle;
}

const MAX_ENLARGED = 4;
const JPEG_QUALITY = 80;
/** Width of lines and side of points, px: the thinnest whose colour survives in a JPEG. */
const LINE = 1.5;
const POINT = 2.5;

/**
 * Draws a small copy of a picture, or of a part of it, with boxes in colours of the caller.
 * @param picture decoded pixels, upright
 * @returns a JPEG
 */
export async function drawThumbnail(
  picture: Picture,
  marks: readonly Mark[],
  { side, part }: ThumbnailOptions,
): Promise<{ bytes: Buffer; width: number; height: number }> {
  const from = partOf(picture, part);
  const scale = Math.min(side / Math.max(from.width, from.height), part ? MAX_ENLARGED : 1);
  const width = Math.max(1, Math.round(from.width * scale));
  const height = Math.max(1, Math.round(from.height * scale));
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(canvasOf(part ? cut(picture, from) : picture), 0, 0, from.width, from.height, 0, 0, width, height);
  const placed = (x: number, y: number) => [(x - from.x) * scale, (y - from.y) * scale] as const;
  for (const { box, colour, points } of marks) {
    const [x, y] = placed(box.x, box.y);
    for (const [line, stroke] of [
      [2 * LINE, SHADE],
      [LINE, colour],
    ] as const) {
      context.strokeStyle = stroke;
      context.lineWidth = line;
      context.strokeRect(x, y, Math.max(1, box.width * scale), Math.max(1, box.height * scale));
    }
    context.fillStyle = colour;
    for (let i = 0; points && i < points.length; i += 2) {
      const [px, py] = placed(points[i]!, points[i + 1]!);
      context.fillRect(px - POINT / 2, py - POINT / 2, POINT, POINT);
    }
  }
  return { bytes: await canvas.encode('jpeg', JPEG_QUALITY), width, height };
}

/** A copy of a part of a picture: a canvas of all of it would take four bytes for each of its pixels. */
function cut({ data, width: stride }: Picture, { x, y, width, height }: Rectangle): Picture {
  const copied = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * stride + x) * 3;
    copied.set(data.subarray(from, from + width * 3), row * width * 3);
  }
  return { data: copied, width, height };
}

/** The part of the picture that a rectangle covers, at least a pixel. */
function partOf({ width, height }: Picture, part: Rectangle = { x: 0, y: 0, width, height }): Rectangle {
  const x = clamp(Math.floor(part.x), 0, width - 1);
  const y = clamp(Math.floor(part.y), 0, height - 1);
  return {
    x,
    y,
    width: clamp(Math.ceil(part.x + part.width), x + 1, width) - x,
    height: clamp(Math.ceil(part.y + part.height), y + 1, height) - y,
  };
}
