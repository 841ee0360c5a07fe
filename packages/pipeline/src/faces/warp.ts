import type { Pixels } from '../pixels/index.ts';
import type { Crop } from './crop.ts';

/** Image px per px of a crop, at most: up to here bilinear samples skip no pixel. */
const MOST_REDUCED = 2.02;

/**
 * Cuts a rotated square out of an image by bilinear samples. A crop that is reduced by more than two is cut from a copy of its part of the
 * image, halved as often as needed, so that every pixel counts. Outside the image, its border pixels are repeated.
 * @param crop in px of `image`
 * @param to a packed square in the image's arena
 */
export function warp(image: Pixels, crop: Crop, to: Pixels): void {
  using _reduced = image.arena.scope();
  const size = to.width;
  const { pixels, centreX, centreY, side } = reducedTo(image, crop, size);
  const cos = (Math.cos(crop.roll) * side) / size;
  const sin = (Math.sin(crop.roll) * side) / size;
  // From the crop's centre to the centre of its first pixel.
  const half = size / 2 - 0.5;
  const left = centreX - half * cos + half * sin - 0.5;
  const top = centreY - half * sin - half * cos - 0.5;
  image.arena.kernels.warp(pixels, { left, top, cos, sin, size }, to.data);
}

/** An image, or a part of it, reduced as far as a crop of `size` px allows, and where the crop lies in it, px. */
function reducedTo(image: Pixels, { centreX, centreY, side, roll }: Crop, size: number) {
  const halvings = Math.max(0, Math.ceil(Math.log2(side / (size * MOST_REDUCED))));
  if (halvings === 0) return { pixels: image, centreX, centreY, side };
  const factor = 2 ** halvings;
  const reach = (side / 2) * (Math.abs(Math.cos(roll)) + Math.abs(Math.sin(roll)));
  const columns = covered(centreX, reach, image.width, factor);
  const rows = covered(centreY, reach, image.height, factor);
  let pixels = image.part(columns.from, rows.from, {
    width: columns.to - columns.from,
    height: rows.to - rows.from,
  });
  for (let i = 0; i < halvings; i++) {
    const half = image.arena.pixels({ width: Math.ceil(pixels.width / 2), height: Math.ceil(pixels.height / 2) });
    image.arena.kernels.halve(pixels, half);
    pixels = half;
  }
  return {
    pixels,
    centreX: (centreX - columns.from) / factor,
    centreY: (centreY - rows.from) / factor,
    side: side / factor,
  };
}

/**
 * The columns or rows of an image that a crop needs, with the neighbours of its samples; the nearest ones where it lies outside.
 * @param factor what they are multiples of, so that all crops of an image see the same reduced pixels
 */
function covered(centre: number, reach: number, length: number, factor: number): { from: number; to: number } {
  const last = Math.floor((length - 1) / factor);
  const at = (place: number) => Math.min(last, Math.max(0, Math.floor(place / factor)));
  return {
    from: at(centre - reach - factor) * factor,
    to: Math.min(length, (at(centre + reach + factor) + 1) * factor),
  };
}
