import { assert, constantFrom, double, integer, property } from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPack } from '../pack/load.ts';
import type { DetectionRules } from '../pack/manifest.ts';
import { plannedPasses, scaleOf } from './passes.ts';

let rules: DetectionRules;
beforeAll(async () => {
  rules = (await loadPack()).manifest.detection;
});

type ProfileName = 'fast' | 'balanced' | 'small-faces';
const planned = (width: number, height: number, profile: ProfileName, minFaceSize = 0) =>
  plannedPasses({ width, height }, rules.passes[profile], rules.smallest_face, minFaceSize);
/** The picture's longer side in each pass, px. */
const sides = (width: number, height: number, profile: ProfileName, minFaceSize = 0) =>
  planned(width, height, profile, minFaceSize).map(({ scale }) => Math.round(scale * Math.max(width, height)));
const megapixels = (width: number, height: number, profile: ProfileName) =>
  ((planned(width, height, profile).at(-1)!.scale ** 2 * width * height) / 1e6).toFixed(1);

describe('a pass', () => {
  const image = { width: 1000, height: 500 };
  const faces = { from: 0, to: null };

  it('scales by its factor within the limits of the longer side, of enlarging and of area', () => {
    expect(scaleOf(image, { scale: 0.5, faces })).toBe(0.5);
    expect(scaleOf(image, { scale: 0.5, long_side: { min: 600, max: null }, faces })).toBe(0.6);
    expect(scaleOf(image, { scale: 0.5, long_side: { min: null, max: 400 }, faces })).toBe(0.4);
    expect(scaleOf(image, { scale: 1, long_side: { min: 4000, max: null }, max_scale: 2, faces })).toBe(2);
    expect(scaleOf(image, { scale: 1, max_megapixels: 0.125, faces })).toBe(0.5);
    expect(scaleOf(image, { scale: 1, max_megapixels: 0.125, min_scale: 0.8, faces })).toBe(0.8);
  });
});

describe('the passes of the default pack', () => {
  it('are one in profile fast, with a long side of 640 px, small pictures enlarged at most twice', () => {
    expect(sides(1920, 1080, 'fast')).toEqual([640]);
    expect(sides(200, 100, 'fast')).toEqual([400]);
  });

  it('follow the picture: to 4.4 megapixels in balanced; in small-faces enlarged to 8, at most twice, or whole', () => {
    expect(sides(1280, 720, 'balanced')).toEqual([320, 640, 1280]);
    expect(sides(1280, 720, 'small-faces')).toEqual([320, 640, 1280, 2560]);
    expect(sides(2560, 1440, 'balanced')).toEqual([320, 640, 2560]);
    expect(megapixels(3840, 2160, 'balanced')).toBe('4.4');
    expect(megapixels(2560, 1440, 'small-faces')).toBe('8.0');
    expect(sides(4096, 3072, 'small-faces')).toEqual([320, 640, 1713, 4096]);
  });

  it('leave out what is hardly larger than the pass before', () => {
    expect(sides(640, 480, 'balanced')).toEqual([320, 640]);
    expect(sides(400, 300, 'balanced')).toEqual([320, 640]);
    expect(sides(320, 320, 'small-faces')).toEqual([320, 640]);
    expect(sides(4096, 2048, 'small-faces')).toEqual([320, 640, 2098, 4096]);
    expect(sides(2900, 2750, 'small-faces')).toEqual([320, 640, 1523, 2905]);
  });

  it('are no larger than the smallest face that is asked for needs', () => {
    expect(sides(1920, 1080, 'balanced', 60)).toEqual([320, 640]);
    expect(sides(1920, 1080, 'small-faces', 60)).toEqual([320, 640]);
    expect(sides(1920, 1080, 'small-faces', 150)).toEqual([320]);
    expect(sides(1920, 1080, 'small-faces', 40)).toEqual([320, 640, 960]);
    expect(sides(1920, 1080, 'fast', 1000)).toEqual([640]);
    expect(sides(1920, 1080, 'small-faces', 0)).toEqual(sides(1920, 1080, 'small-faces', 1));
  });

  it('grow from one to the next, and never by less than a tenth', () => {
    const side = integer({ min: 16, max: 4096 });
    assert(
      property(
        side,
        side,
        constantFrom('balanced' as const, 'small-faces' as const, 'fast' as const),
        double({ min: 0, max: 200, noNaN: true }),
        (width, height, profile, minFaceSize) => {
          const scales = planned(width, height, profile, minFaceSize).map(({ scale }) => scale);
          expect(scales.length).toBeGreaterThan(0);
          for (const [i, scale] of scales.entries())
            if (i > 0) expect(scale / scales[i - 1]!).toBeGreaterThanOrEqual(1.1);
          // Faces of the size asked for are as large as the pack needs them, or no pass is larger.
          const all = planned(width, height, profile).at(-1)!.scale;
          expect(scales.at(-1)! * 1.1).toBeGreaterThanOrEqual(Math.min(all, rules.smallest_face / minFaceSize));
        },
      ),
      { numRuns: 1000 },
    );
  });
});
