import { type Canvas, createCanvas, ImageData } from '@napi-rs/canvas';
import type { Picture } from './types.ts';

/** A canvas of the picture's size that shows it. */
export function canvasOf({ data, width, height }: Picture): Canvas {
  const pixels = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    pixels.data[to] = data[from]!;
    pixels.data[to + 1] = data[from + 1]!;
    pixels.data[to + 2] = data[from + 2]!;
    pixels.data[to + 3] = 255;
  }
  const canvas = createCanvas(width, height);
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  return canvas;
}
