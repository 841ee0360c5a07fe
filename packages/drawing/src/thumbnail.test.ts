import { createCanvas, loadImage } from '@napi-rs/canvas';
import { describe, expect, it } from 'vitest';
import { drawThumbnail } from './thumbnail.ts';
import type { Picture } from './types.ts';

/** A grey picture with a white square of 20 px at (300, 100). */
const picture: Picture = { width: 400, height: 200, data: new Uint8Array(400 * 200 * 3).fill(90) };
for (let y = 100; y < 120; y++) picture.data.fill(255, (y * 400 + 300) * 3, (y * 400 + 320) * 3);
const RED = '#ff0000';

async function pixelOf(jpeg: Buffer) {
  const image = await loadImage(jpeg);
  const context = createCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  return (x: number, y: number) => [...context.getImageData(x, y, 1, 1).data].slice(0, 3) as [number, number, number];
}

describe('drawThumbnail', () => {
  it('shrinks the picture and puts boxes where they belong', async () => {
    const mark = { box: { x: 200, y: 40, width: 100, height: 80 }, colour: RED };
    const { bytes, width, height } = await drawThumbnail(picture, [mark], { side: 200 });
    expect([width, height]).toEqual([200, 100]);
    const at = await pixelOf(bytes);
    // The left edge of the box is at 100, its middle is empty, the square is at (150, 50).
    const [red, green] = at(100, 40);
    expect(red).toBeGreaterThan(green + 60);
    for (const channel of at(125, 40)) expect(Math.abs(channel - 90)).toBeLessThan(12);
    for (const channel of at(155, 55)) expect(channel).toBeGreaterThan(225);
  });

  it('enlarges a part, four times at most, and cuts it at the edge of the picture', async () => {
    const part = await drawThumbnail(picture, [], { side: 200, part: { x: 290, y: 90, width: 40, height: 40 } });
    expect([part.width, part.height]).toEqual([160, 160]);
    const at = await pixelOf(part.bytes);
    // (310, 110) is in the square, (295, 95) is not.
    expect(at(80, 80)[0]).toBeGreaterThan(225);
    expect(at(20, 20)[0]).toBeLessThan(110);
    const corner = await drawThumbnail(picture, [], { side: 100, part: { x: -20, y: -20, width: 70, height: 45 } });
    expect([corner.width, corner.height]).toEqual([100, 50]);
  });

  it('does not enlarge a whole picture, and draws points', async () => {
    const mark = { box: { x: 10, y: 10, width: 5, height: 5 }, colour: RED, points: [250, 150] };
    const { bytes, width } = await drawThumbnail(picture, [mark], { side: 2000 });
    expect(width).toBe(400);
    const [red, green] = (await pixelOf(bytes))(250, 150);
    expect(red).toBeGreaterThan(green + 60);
  });
});
