import { describe, expect, it } from 'vitest';
import { photograph } from '../../../../test/support/fixtures/picture.ts';
import { Pyramid, shrink } from './pyramid.ts';

/** The exact mean of the source area of every output pixel. */
function areaAverage(image: { data: Uint8Array; width: number; height: number }, width: number, height: number) {
  const out = new Float64Array(width * height * 3);
  const [stepX, stepY] = [image.width / width, image.height / height];
  const cover = (from: number, to: number, pixel: number) =>
    Math.max(0, Math.min(to, pixel + 1) - Math.max(from, pixel));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let sy = Math.floor(y * stepY); sy < Math.min(image.height, (y + 1) * stepY); sy++)
        for (let sx = Math.floor(x * stepX); sx < Math.min(image.width, (x + 1) * stepX); sx++) {
          const share = cover(x * stepX, (x + 1) * stepX, sx) * cover(y * stepY, (y + 1) * stepY, sy);
          for (let c = 0; c < 3; c++)
            out[(y * width + x) * 3 + c]! += (image.data[(sy * image.width + sx) * 3 + c]! * share) / (stepX * stepY);
        }
  return out;
}

const meanDifference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
};

describe('pyramid', () => {
  it('shrinks without shifting: close to the exact area average, and far from it when moved by one pixel', async () => {
    const image = await photograph('astronaut.png');
    for (const [width, height] of [
      [256, 256],
      [171, 170],
      [400, 399],
    ] as const) {
      const exact = areaAverage(image, width, height);
      const { data } = await shrink(image, { width, height });
      expect(meanDifference(data, exact)).toBeLessThan(1.5);
      expect(meanDifference(data.subarray(3), exact)).toBeGreaterThan(3);
    }
  });

  it('makes a small level from a larger planned one, as accurately as from the image', async () => {
    const image = await photograph('portrait-2.jpg');
    const [middle, coarse] = [
      { width: 282, height: 640 },
      { width: 141, height: 320 },
    ];
    const fromImage = await shrink(image, coarse);
    const derived = await new Pyramid(image, [coarse, middle]).level(coarse);
    expect(derived).toMatchObject(coarse);
    expect(meanDifference(derived.data, fromImage.data)).toBeLessThan(1.5);
  });

  it('makes a level from the smallest planned one that is twice as large, in whichever order they were planned', async () => {
    const image = await photograph('astronaut.png');
    const [large, middle, small, between] = [400, 200, 100, 101].map((side) => ({ width: side, height: side }));
    const fromLarge = await shrink(image, large!);
    const fromMiddle = await shrink(fromLarge, middle!);
    for (const planned of [
      [large!, middle!, small!],
      [small!, middle!, large!],
    ]) {
      const pyramid = new Pyramid(image, planned);
      const same = async (size: { width: number; height: number }, from: typeof image) =>
        Buffer.compare((await pyramid.level(size)).data, (await shrink(from, size)).data) === 0;
      expect([await same(small!, fromMiddle), await same(between!, fromLarge)]).toEqual([true, true]);
    }
  });

  it('returns the image itself at its own size, and makes every level once', async () => {
    const image = await photograph('no-face-cat.png');
    const pyramid = new Pyramid(image, []);
    expect(await pyramid.level({ width: image.width, height: image.height })).toBe(image);
    const small = { width: 100, height: 67 };
    expect(await pyramid.level(small)).toBe(await pyramid.level({ ...small }));
  });
});
