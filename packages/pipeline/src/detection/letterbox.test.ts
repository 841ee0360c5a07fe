import { assert, double, type IProperty, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { letterbox } from './letterbox.ts';

const sizes = record({ width: integer({ min: 1, max: 4096 }), height: integer({ min: 1, max: 4096 }) });
const scales = double({ min: 0.05, max: 2, noNaN: true });
const check = <T>(test: IProperty<T>) => assert(test, { numRuns: 1000 });

describe('letterbox', () => {
  it('gives the network sides of the right multiple, without more padding than needed', () => {
    check(
      property(sizes, scales, (image, scale) => {
        const { net } = letterbox(image, scale, 32);
        for (const [side, of] of [
          [net.width, image.width],
          [net.height, image.height],
        ] as const) {
          expect(side % 32).toBe(0);
          expect(side - of * scale).toBeLessThan(32 + 0.5);
        }
      }),
    );
  });

  it('contains the whole image: its far corner lies inside the network input', () => {
    check(
      property(sizes, scales, (image, scale) => {
        const { canvas, content, net, scaleX, scaleY } = letterbox(image, scale, 32);
        expect(content.width).toBeLessThanOrEqual(canvas.width);
        expect(content.height).toBeLessThanOrEqual(canvas.height);
        expect(image.width * scaleX).toBeLessThanOrEqual(net.width + 1e-6);
        expect(image.height * scaleY).toBeLessThanOrEqual(net.height + 1e-6);
      }),
    );
  });

  it('keeps the aspect ratio to within one pixel', () => {
    check(
      property(sizes, scales, (image, scale) => {
        const { scaleX, scaleY } = letterbox(image, scale, 32);
        expect(Math.abs(scaleX - scale) * image.width).toBeLessThan(1.01);
        expect(Math.abs(scaleY - scale) * image.height).toBeLessThan(1.01);
      }),
    );
  });

  it('shrinks outside the graph and enlarges inside it', () => {
    const shrunk = letterbox({ width: 1920, height: 1080 }, 1 / 3, 32);
    expect(shrunk).toMatchObject({ content: { width: 640, height: 360 }, canvas: { width: 640, height: 384 } });
    expect(shrunk.net).toEqual(shrunk.canvas);
    const enlarged = letterbox({ width: 320, height: 200 }, 2, 32);
    expect(enlarged).toMatchObject({ content: { width: 320, height: 200 }, net: { width: 640, height: 416 } });
    expect(enlarged.canvas).toEqual({ width: 320, height: 208 });
  });
});
