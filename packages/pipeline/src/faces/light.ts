/** How well a face can be seen, from the pixels of its crop for landmarks. */

export interface Light {
  /**
   * Variance of the Laplacian of luma (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000): 0 for a
   * flat surface, some hundreds for faces in focus. The crop has a fixed size, so enlarged faces score low.
   */
  sharpness: number;
  /** Mean luma, 0 to 255. */
  brightness: number;
}

/** Luma of ITU-R BT.601. */
const RED = 0.299;
const GREEN = 0.587;
const BLUE = 0.114;

/**
 * Measures a face.
 * @param crop size * size RGB pixels
 * @param margin px at each edge of the crop that lie outside the face
 */
export function lightOf(crop: Uint8Array, size: number, margin: number): Light {
  const side = size - 2 * margin;
  const luma = new Float32Array(side * side);
  let sum = 0;
  for (let y = 0, to = 0; y < side; y++) {
    let from = ((y + margin) * size + margin) * 3;
    for (let x = 0; x < side; x++, from += 3, to++) {
      const value = RED * crop[from]! + GREEN * crop[from + 1]! + BLUE * crop[from + 2]!;
      luma[to] = value;
      sum += value;
    }
  }
  let total = 0;
  let squares = 0;
  for (let y = 1; y < side - 1; y++)
    for (let x = 1, at = y * side + 1; x < side - 1; x++, at++) {
      const edge = luma[at - 1]! + luma[at + 1]! + luma[at - side]! + luma[at + side]! - 4 * luma[at]!;
      total += edge;
      squares += edge * edge;
    }
  const count = (side - 2) ** 2;
  return { sharpness: Math.max(0, squares / count - (total / count) ** 2), brightness: sum / side ** 2 };
}
