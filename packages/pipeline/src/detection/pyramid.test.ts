import { describe, expect, it } from 'vitest';
import { photograph } from '../../../../test/support/fixtures/picture.ts';
import type { Size } from '../image/index.ts';
import { Arena } from '../pixels/index.ts';
import { Pyramid, shrunk } from './pyramid.ts';

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

const picture = async (name: Parameters<typeof photograph>[0]) => new Arena().adopt(await photograph(name));
/** A level without padding. */
const place = (size: Size) => ({ content: size, canvas: size });
const square = (side: number) => place({ width: side, height: side });

describe('pyramid', () => {
  it('shrinks without shifting: to the exact area average, and far from it when moved by one pixel', async () => {
    const image = await picture('astronaut.png');
    for (const [width, height] of [
      [256, 256],
      [171, 170],
      [400, 399],
    ] as const) {
      const exact = areaAverage(image, width, height);
      const { data } = shrunk(image, { width, height });
      // Half a step of rounding, on average a quarter.
      expect(meanDifference(data, exact)).toBeLessThan(0.3);
      expect(meanDifference(data.subarray(3), exact)).toBeGreaterThan(3);
    }
  });

  it('puts a level into the top left corner of a black canvas', async () => {
    const image = await picture('astronaut.png');
    // What an earlier image left in the arena.
    {
      using _earlier = image.arena.scope();
      image.arena.pixels({ width: 300, height: 300 }).data.fill(99);
    }
    const size = { width: 130, height: 131 };
    const { content, canvas } = new Pyramid(image, []).level({ content: size, canvas: { width: 160, height: 160 } });
    const wanted = shrunk(image, size);
    expect(canvas).toMatchObject({ width: 160, height: 160, isPacked: true });
    expect(content).toMatchObject(size);
    const all = canvas!.data;
    for (let y = 0; y < 160; y++)
      for (let x = 0; x < 160; x++) {
        const at = (y * 160 + x) * 3;
        const inside = x < 130 && y < 131;
        const from = (y * 130 + x) * 3;
        const pixel = [...all.subarray(at, at + 3)];
        if (pixel.some((value, i) => value !== (inside ? wanted.data[from + i] : 0)))
          expect.fail(`${x}, ${y}: ${pixel}`);
      }
  });

  it('makes a small level from a larger planned one, as accurately as from the image', async () => {
    const image = await picture('portrait-2.jpg');
    const [middle, coarse] = [
      { width: 282, height: 640 },
      { width: 141, height: 320 },
    ];
    const fromImage = shrunk(image, coarse);
    const { content } = new Pyramid(image, [place(coarse), place(middle)]).level(place(coarse));
    expect(content).toMatchObject(coarse);
    expect(meanDifference(content.data, fromImage.data)).toBeLessThan(1.5);
  });

  it('makes a level from the smallest planned one that is twice as large, in whichever order they were planned', async () => {
    const image = await picture('astronaut.png');
    const [large, middle, small, between] = [400, 200, 100, 101].map(square);
    const fromLarge = shrunk(image, large!.content);
    const fromMiddle = shrunk(fromLarge, middle!.content);
    for (const planned of [
      [large!, middle!, small!],
      [small!, middle!, large!],
    ]) {
      const pyramid = new Pyramid(image, planned);
      const same = (level: ReturnType<typeof square>, from: typeof image) => {
        const wanted = shrunk(from, level.content);
        return Buffer.compare(pyramid.level(level).content.data, wanted.data) === 0;
      };
      expect([same(small!, fromMiddle), same(between!, fromLarge)]).toEqual([true, true]);
    }
  });

  it('returns the image itself at its own size, and makes every level once', async () => {
    const image = await picture('no-face-cat.png');
    const pyramid = new Pyramid(image, []);
    const whole = pyramid.level({ content: image, canvas: { width: 1024, height: 1024 } });
    expect([whole.content, whole.canvas]).toEqual([image, undefined]);
    expect(new Pyramid(image, []).level({ content: image, canvas: image }).canvas).toBe(image);
    const small = { width: 100, height: 67 };
    expect(pyramid.level(place(small))).toBe(pyramid.level(place({ ...small })));
  });

  it('takes an image whose rows do not lie side by side for no canvas', async () => {
    const part = (await picture('astronaut.png')).part(0, 0, { width: 64, height: 64 });
    expect(new Pyramid(part, []).level({ content: part, canvas: part }).canvas).toBeUndefined();
  });
});
