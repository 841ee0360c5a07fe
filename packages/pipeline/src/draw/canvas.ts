import type { RgbImage } from '../image/index.ts';
import { GLYPH_HEIGHT, GLYPH_WIDTH, inked } from './glyphs.ts';

export type Colour = readonly [red: number, green: number, blue: number];

/** Lays a colour over a pixel, `cover` 0..1 of it; pixels outside the image are let go. */
function blend(image: RgbImage, x: number, y: number, colour: Colour, cover: number): void {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  const at = (y * image.width + x) * 3;
  for (let c = 0; c < 3; c++) image.data[at + c] = image.data[at + c]! * (1 - cover) + colour[c]! * cover + 0.5;
}

/** A filled rectangle, px; whole pixels only. */
export function fill(
  image: RgbImage,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: Colour,
  cover = 1,
): void {
  const right = Math.min(image.width, Math.round(x + width));
  const bottom = Math.min(image.height, Math.round(y + height));
  for (let row = Math.max(0, Math.round(y)); row < bottom; row++)
    for (let column = Math.max(0, Math.round(x)); column < right; column++) blend(image, column, row, colour, cover);
}

/** The outline of a rectangle, drawn inwards. */
export function frame(
  image: RgbImage,
  x: number,
  y: number,
  width: number,
  height: number,
  thickness: number,
  colour: Colour,
): void {
  fill(image, x, y, width, thickness, colour);
  fill(image, x, y + height - thickness, width, thickness, colour);
  fill(image, x, y + thickness, thickness, height - 2 * thickness, colour);
  fill(image, x + width - thickness, y + thickness, thickness, height - 2 * thickness, colour);
}

/** A filled disc with a soft edge, around a point of the continuous plane (a pixel's centre is at .5). */
export function disc(image: RgbImage, x: number, y: number, radius: number, colour: Colour): void {
  for (let row = Math.floor(y - radius - 1); row <= y + radius + 1; row++)
    for (let column = Math.floor(x - radius - 1); column <= x + radius + 1; column++) {
      const cover = radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y);
      if (cover > 0) blend(image, column, row, colour, Math.min(1, cover));
    }
}

/** Width of a text in px at a whole-numbered magnification. */
export function textWidth(text: string, size: number): number {
  return (text.length * (GLYPH_WIDTH + 1) - 1) * size;
}

/** Writes a text, its top left corner at x, y. */
export function write(image: RgbImage, text: string, x: number, y: number, size: number, colour: Colour): void {
  [...text].forEach((character, i) => {
    for (let row = 0; row < GLYPH_HEIGHT; row++)
      for (let column = 0; column < GLYPH_WIDTH; column++)
        if (inked(character, column, row))
          fill(image, x + (i * (GLYPH_WIDTH + 1) + column) * size, y + row * size, size, size, colour);
  });
}
