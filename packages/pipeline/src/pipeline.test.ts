import { type CallerOptions, DEFAULT_DETECTION_OPTIONS, type DetectionOptions, PROFILES } from '@facequeue/schema';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { exifVariants, oversized, writeBmp } from '../../../test/support/fixtures/index.ts';
import { crowd, type PastedFace, pasted } from '../../../test/support/fixtures/pasted.ts';
import { type PhotographName, photograph, photographBytes } from '../../../test/support/fixtures/picture.ts';
import { ihdr } from '../../../test/support/fixtures/png.ts';
import { pairwise } from '../../../test/support/pairwise.ts';
import type { DetectedFace } from './detection.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import { Pixels } from './pixels/index.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await createPipeline({ device: 'cpu' });
});
afterAll(() => pipeline?.close());

const options = (more: Partial<DetectionOptions> = {}) => ({ ...DEFAULT_DETECTION_OPTIONS, ...more });
const boxesOnly = { landmarks: false, attributes: false };
const detect = (bytes: Uint8Array, more?: Partial<DetectionOptions>) => pipeline.detect(bytes, options(more));
const sizeOf = ({ box }: DetectedFace) => Math.sqrt(box.width * box.height);

/** The detected face whose box holds the middle of a pasted one and is about as large. */
const at = (faces: DetectedFace[], truth: PastedFace) =>
  faces.find(
    (face) =>
      Math.hypot(face.box.x + face.box.width / 2 - truth.x, face.box.y + face.box.height / 2 - truth.y) <
        truth.size * 0.35 &&
      sizeOf(face) > truth.size * 0.6 &&
      sizeOf(face) < truth.size * 1.6,
  );

const WITH_FACE = ['astronaut.png', 'portrait-1.jpg', 'portrait-2.jpg'] as const;
const WITHOUT = ['no-face-cat.png', 'no-face-coffee.png'] as const;

describe('pipeline', () => {
  it.each(['fast', 'balanced', 'small-faces'] as const)(
    'finds the one face of each portrait and none elsewhere, %s',
    async (profile) => {
      for (const name of WITH_FACE) {
        const { faces } = await detect(await photographBytes(name), { profile });
        expect(faces).toHaveLength(1);
        const [face] = faces as [DetectedFace];
        expect(face.landmarks).toHaveLength(212);
        expect(face.presence).toBeGreaterThan(0.9);
        expect(face.attributes!.male > 0.5).toBe(name !== 'astronaut.png');
        expect(face.attributes!.age).toBeGreaterThan(20);
        expect(face.attributes!.age).toBeLessThan(75);
        const [left, right] = [face.points5[0]!, face.points5[2]!];
        expect(left).toBeGreaterThan(face.box.x);
        expect(right).toBeLessThan(face.box.x + face.box.width);
        expect(left).toBeLessThan(right);
      }
      for (const name of WITHOUT) expect((await detect(await photographBytes(name), { profile })).faces).toEqual([]);
    },
  );

  it('finds one face of 16 px in an empty picture, in profile small-faces', async () => {
    for (const [x, y] of [
      [150, 120],
      [640, 360],
      [1111, 599],
    ] as const) {
      const truth = { x, y, size: 16, who: 0 };
      const { faces } = await detect(await pasted(1280, 720, [truth]), { ...boxesOnly, profile: 'small-faces' });
      expect(faces).toHaveLength(1);
      expect(at(faces, truth)).toBeDefined();
    }
  });

  it('reports the image, the model and the time of each stage', async () => {
    const bytes = await photographBytes('portrait-1.jpg');
    const { image, timings, model } = await detect(bytes);
    expect(image).toEqual({ width: 910, height: 1137, format: 'jpeg', bytes: bytes.length, orientation: 1 });
    expect(Object.keys(timings).sort()).toEqual(['attributes', 'decode', 'detect', 'landmarks']);
    for (const took of Object.values(timings)) expect(took).toBeGreaterThan(0);
    expect(model).toEqual({ name: 'facequeue-default', version: '2.0.0' });
    const bare = await detect(bytes, boxesOnly);
    expect(Object.keys(bare.timings).sort()).toEqual(['decode', 'detect']);
    expect(Object.keys(bare.faces[0]!).sort()).toEqual(['box', 'confidence', 'points5']);
  });

  it('follows the options: confidence, size, number', async () => {
    const truths: PastedFace[] = [
      { x: 200, y: 250, size: 200, who: 0 },
      { x: 600, y: 250, size: 90, who: 1 },
      { x: 900, y: 250, size: 40, who: 2 },
      { x: 1100, y: 250, size: 24, who: 1 },
    ];
    const bytes = await pasted(1280, 720, truths);
    const all = (await detect(bytes, boxesOnly)).faces;
    for (const truth of truths) expect(at(all, truth)).toBeDefined();
    const confidences = all.map(({ confidence }) => confidence);
    expect(confidences).toEqual(confidences.toSorted((a, b) => b - a));

    const two = (await detect(bytes, { ...boxesOnly, max_faces: 2 })).faces;
    expect(two).toEqual(all.slice(0, 2));
    const large = (await detect(bytes, { ...boxesOnly, min_face_size: 70 })).faces;
    expect(large).toHaveLength(2);
    for (const truth of truths.slice(0, 2)) expect(at(large, truth)).toBeDefined();
    const limit = (confidences[0]! + confidences[1]!) / 2;
    expect((await detect(bytes, { ...boxesOnly, min_confidence: limit })).faces).toEqual(all.slice(0, 1));
    const unsure = (await detect(bytes, { ...boxesOnly, min_confidence: 0.1 })).faces;
    expect(unsure.length).toBeGreaterThanOrEqual(all.length);
    expect(unsure.slice(0, all.length)).toEqual(all);
    expect(all.every(({ confidence }) => confidence >= 0.65)).toBe(true);
  });

  it('gives with any two options together what follows from the result without them', async () => {
    const truths: PastedFace[] = [
      { x: 160, y: 200, size: 150, who: 0, roll: 20 },
      { x: 420, y: 200, size: 60, who: 1 },
      { x: 620, y: 200, size: 44, who: 2 },
      { x: 820, y: 200, size: 110, who: 2, roll: -25 },
      { x: 1050, y: 200, size: 36, who: 0 },
    ];
    const bytes = await pasted(1280, 640, truths);
    const sizes = (await detect(bytes, boxesOnly)).faces.map(sizeOf);
    // The cut and the limits only mean something together when the most confident faces are not the largest.
    expect(sizes.slice(0, 3)).not.toEqual(sizes.toSorted((a, b) => b - a).slice(0, 3));

    const values = {
      profile: [...PROFILES],
      max_faces: [undefined, 2, 3],
      min_confidence: [undefined, 0.1, 0.8],
      min_face_size: [undefined, 50, 100],
      landmarks: [true, false, 'refined'],
      attributes: [true, false],
      rotate: [undefined, 'none', 'auto'],
      detail: [undefined, true],
    } satisfies { [Name in keyof Required<CallerOptions>]: CallerOptions[Name][] };
    // These decide which passes run and what makes the points; the others choose among the faces that those find.
    const whole: Record<string, DetectedFace[]> = {};
    for (const given of pairwise<CallerOptions>(values)) {
      const { faces, timings } = await detect(bytes, given);
      const made = { profile: given.profile!, min_face_size: given.min_face_size, landmarks: given.landmarks || true };
      whole[JSON.stringify(made)] ??= (await detect(bytes, { ...made, min_confidence: 0.1 })).faces;
      const wanted = whole[JSON.stringify(made)]!.filter(
        (face) => face.confidence >= (given.min_confidence ?? 0.65) && sizeOf(face) >= (given.min_face_size ?? 0),
      ).slice(0, given.max_faces);
      const name = JSON.stringify(given);
      expect(
        faces.map(({ box, confidence, points5 }) => ({ box, confidence, points5 })),
        name,
      ).toEqual(wanted.map(({ box, confidence, points5 }) => ({ box, confidence, points5 })));
      expect([!('landmarks' in timings), !('attributes' in timings)], name).toEqual([
        !given.landmarks,
        !given.attributes,
      ]);
      for (const [i, face] of faces.entries()) {
        expect('landmarks' in face, name).toBe(given.landmarks !== false);
        expect('attributes' in face, name).toBe(given.attributes);
        expect(['pose' in face, 'light' in face], name).toEqual([given.detail ?? false, given.detail ?? false]);
        // Other crops may share the model's run, which moves its sums by less than this.
        for (const [k, value] of (face.landmarks ?? []).entries())
          expect(Math.abs(value - wanted[i]!.landmarks![k]!), name).toBeLessThan(0.01);
        if (face.attributes) expect(face.attributes.age, name).toBeCloseTo(wanted[i]!.attributes!.age, 2);
      }
    }
  });

  it('finds the faces of a size that is asked for, wherever they are, without passes that only smaller ones need', async () => {
    const sizes = [30, 45, 65, 90, 130, 180];
    const truths = sizes.map((size, i): PastedFace => ({ x: 150 + 320 * i, y: i % 2 ? 300 : 750, size, who: i % 3 }));
    const bytes = await pasted(1920, 1080, truths);
    for (const profile of ['balanced', 'small-faces'] as const)
      for (const min_face_size of [25, 40, 60, 120]) {
        const { faces } = await detect(bytes, { ...boxesOnly, profile, min_face_size });
        for (const truth of truths) {
          const name = `${truth.size} px in ${profile} from ${min_face_size} px`;
          if (truth.size > min_face_size) expect(at(faces, truth), name).toBeDefined();
          else if (truth.size < min_face_size * 0.8) expect(at(faces, truth), name).toBeUndefined();
        }
      }
  });

  it('refines the points of faces, which stay the same faces otherwise', async () => {
    const bytes = await photographBytes('portrait-2.jpg');
    const [plain] = (await detect(bytes)).faces;
    const [refined] = (await detect(bytes, { landmarks: 'refined' })).faces;
    expect({ ...refined, landmarks: null }).toEqual({ ...plain, landmarks: null });
    const moved = Array.from({ length: 106 }, (_, i) => {
      const [x, y] = [2 * i, 2 * i + 1].map((k) => refined!.landmarks![k]! - plain!.landmarks![k]!);
      return Math.hypot(x!, y!) / sizeOf(plain!);
    });
    // Both models agree to a tenth of the face, and no point is taken from one of them.
    expect(Math.max(...moved)).toBeLessThan(0.1);
    expect(Math.min(...moved)).toBeGreaterThan(0);
    expect(moved.reduce((a, b) => a + b) / 106).toBeGreaterThan(0.002);
  });

  it('says of each face where it looks and how well it can be seen, and what was searched, on request', async () => {
    const bytes = await photographBytes('portrait-2.jpg');
    const variants = {
      plain: bytes,
      mirrored: await sharp(bytes).flop().png().toBuffer(),
      blurred: await sharp(bytes).blur(3).png().toBuffer(),
      dark: await sharp(bytes).linear(0.4).png().toBuffer(),
    };
    const seen: Record<string, DetectedFace> = {};
    for (const [name, variant] of Object.entries(variants))
      seen[name] = (await detect(variant, { detail: true })).faces[0]!;
    const { plain, mirrored, blurred, dark } = seen as Record<keyof typeof variants, DetectedFace>;
    // He tilts and turns his head to the right of the picture.
    expect(plain.pose!.roll).toBeGreaterThan(5);
    expect(plain.pose!.yaw).toBeGreaterThan(5);
    for (const axis of ['roll', 'yaw'] as const)
      expect(Math.abs(mirrored.pose![axis] + plain.pose![axis]), axis).toBeLessThan(5);
    expect(Math.abs(mirrored.pose!.pitch - plain.pose!.pitch)).toBeLessThan(5);
    expect(blurred.light!.sharpness).toBeLessThan(plain.light!.sharpness / 5);
    expect(dark.light!.brightness / plain.light!.brightness).toBeCloseTo(0.4, 1);

    // The pixels are the same whichever parts of the result are asked for.
    for (const landmarks of [false, true])
      expect((await detect(bytes, { ...boxesOnly, landmarks, detail: true })).faces[0]!.light).toEqual(plain.light);
    const without = await detect(bytes);
    expect(without.searched).toBeUndefined();
    expect(without.faces[0]).not.toHaveProperty('pose');
  });

  it('says of a picture on its side how far the heads are tilted in it, and by how much it was turned', async () => {
    const bytes = await photographBytes('portrait-2.jpg');
    const upright = (await detect(bytes, { detail: true })).faces[0]!;
    for (const degrees of [90, 180, 270]) {
      const turned = await sharp(bytes).rotate(degrees).png().toBuffer();
      const { faces, searched } = await detect(turned, { detail: true, rotate: 'auto' });
      expect(searched!.turned).toBe(360 - degrees);
      expect(faces).toHaveLength(1);
      const off = (faces[0]!.pose!.roll - upright.pose!.roll - degrees + 900) % 360;
      expect(Math.abs(off - 180), `${degrees} degrees`).toBeLessThan(3);
      for (const axis of ['yaw', 'pitch'] as const)
        expect(Math.abs(faces[0]!.pose![axis] - upright.pose![axis]), axis).toBeLessThan(3);
      expect(faces[0]!.light!.brightness).toBeCloseTo(upright.light!.brightness, -1);
    }
  });

  it('says down to which size it searched: smaller in a more thorough profile, never below what was asked for', async () => {
    const bytes = await pasted(1920, 1080, crowd(8, 3, 200, 30));
    const searched = async (more: Partial<DetectionOptions>) =>
      (await detect(bytes, { ...boxesOnly, detail: true, ...more })).searched!;
    const byProfile = await Promise.all(PROFILES.map((profile) => searched({ profile })));
    const sizes = byProfile.map(({ smallest_face_px }) => smallest_face_px);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(new Set(sizes).size).toBe(3);
    for (const { scales, turned } of byProfile) {
      expect(scales).toEqual(scales.toSorted((a, b) => a - b));
      expect(turned).toBe(0);
    }
    expect(byProfile[0]!.scales).toEqual([640 / 1920]);
    expect((await searched({ min_face_size: 60 })).smallest_face_px).toBe(60);
    // One pass finds smaller ones, which are not reported.
    expect((await searched({ min_face_size: 300, profile: 'fast' })).smallest_face_px).toBe(300);
    expect((await searched({ max_faces: 4 })).faces_left_out).toBeGreaterThan(10);
    // A JPEG that is decoded at a half has the same scales per px of its own.
    const large = await sharp(await pasted(3840, 2160, [{ x: 1900, y: 1000, size: 300, who: 0 }]))
      .jpeg()
      .toBuffer();
    const { scales, smallest_face_px } = (await detect(large, { profile: 'fast', detail: true })).searched!;
    expect(scales[0]).toBeCloseTo(640 / 3840, 3);
    expect(smallest_face_px).toBeCloseTo(2 * sizes[0]!, 1);
  });

  it('reports half as much work again for faces whose points are refined', async () => {
    const bytes = await pasted(1320, 660, crowd(12, 6, 110, 60));
    const work = async (more: Partial<DetectionOptions>) => {
      let faces = 0;
      await pipeline.detect(bytes, options({ profile: 'fast', max_faces: 40, ...more }), {
        faces: (count) => {
          faces = count;
        },
      });
      return faces;
    };
    expect(await work({})).toBe(40);
    expect(await work({ landmarks: 'refined' })).toBe(60);
    expect(await work({ landmarks: false })).toBe(40);
  });

  it('finds faces from 24 px to nearly the whole frame in one picture size', async () => {
    for (const size of [24, 45, 100, 220, 480]) {
      const truth = { x: 400, y: 420, size, who: size % 2, roll: 8 };
      const { faces } = await detect(await pasted(800, 840, [truth]), boxesOnly);
      expect(at(faces, truth), `${size} px`).toBeDefined();
    }
  });

  it('finds more small faces with a more thorough profile', async () => {
    const truths = crowd(16, 8, 80, 14);
    const bytes = await pasted(1280, 640, truths);
    const found: number[] = [];
    for (const profile of ['fast', 'balanced', 'small-faces'] as const) {
      const { faces } = await detect(bytes, { ...boxesOnly, profile });
      found.push(truths.filter((truth) => at(faces, truth)).length);
    }
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(found[2]! - found[0]!).toBeGreaterThan(truths.length / 4);
  });

  it('finds every face of a crowd, each with its own points, gender and age', async () => {
    const truths = crowd(12, 6, 110, 60);
    const { faces } = await detect(await pasted(1320, 660, truths));
    expect(faces).toHaveLength(72);
    let right = 0;
    for (const truth of truths) {
      const face = at(faces, truth)!;
      expect(face).toBeDefined();
      const meanX = face.landmarks!.filter((_, i) => i % 2 === 0).reduce((a, b) => a + b) / 106;
      const meanY = face.landmarks!.filter((_, i) => i % 2 === 1).reduce((a, b) => a + b) / 106;
      expect(Math.hypot(meanX - truth.x, meanY - truth.y)).toBeLessThan(truth.size / 3);
      if (face.attributes!.male > 0.5 === (truth.who !== 0)) right++;
    }
    expect(right).toBeGreaterThan(66);
  });

  it('rotates the points with the head', async () => {
    const upright = { x: 300, y: 300, size: 160, who: 1 };
    const points = async (roll: number) => (await detect(await pasted(600, 600, [{ ...upright, roll }]))).faces[0]!;
    const straight = (await points(0)).landmarks!;
    for (const roll of [-35, -15, 20, 40]) {
      const { landmarks, attributes } = await points(roll);
      const [cos, sin] = [Math.cos((roll * Math.PI) / 180), Math.sin((roll * Math.PI) / 180)];
      let off = 0;
      for (let i = 0; i < 212; i += 2) {
        const [x, y] = [straight[i]! - 300, straight[i + 1]! - 300];
        off += Math.hypot(landmarks![i]! - (300 + x * cos - y * sin), landmarks![i + 1]! - (300 + x * sin + y * cos));
      }
      expect(off / 106 / 160, `${roll}°`).toBeLessThan(0.08);
      expect(attributes!.male).toBeGreaterThan(0.9);
    }
  });

  it('finds faces in a picture that lies on its side or stands on its head with rotate=auto, as it does upright', async () => {
    const rotate = 'auto';
    const scenes = [0, 1, 2].map((who) =>
      pasted(900, 700, [{ x: 300 + 120 * who, y: 320, size: [60, 130, 260][who]!, who, roll: 10 * who - 8 }]),
    );
    scenes.push(pasted(1320, 880, crowd(6, 4, 220, 90)));
    for (const scene of scenes) {
      const upright = await detect(await scene, { rotate });
      expect(upright.faces).toEqual((await detect(await scene)).faces);
      for (const degrees of [90, 180, 270]) {
        const { faces, image } = await detect(
          await sharp(await scene)
            .rotate(degrees)
            .toBuffer(),
          { rotate },
        );
        expect(faces, `${degrees}`).toHaveLength(upright.faces.length);
        for (const face of upright.faces) {
          const back = (x: number, y: number) =>
            ({ 90: [image.width - y, x], 180: [image.width - x, image.height - y], 270: [y, image.height - x] })[
              degrees
            ]!;
          const [x, y] = back(face.box.x + face.box.width / 2, face.box.y + face.box.height / 2);
          const size = sizeOf(face);
          const same = at(faces, { x: x!, y: y!, size, who: 0 })!;
          expect(same, `${degrees}`).toBeDefined();
          expect(same.box.width / same.box.height > 1).toBe((degrees !== 180) === face.box.width / face.box.height < 1);
          for (const i of [0, 66, 144]) {
            const [px, py] = back(face.landmarks![i]!, face.landmarks![i + 1]!);
            expect(Math.hypot(same.landmarks![i]! - px!, same.landmarks![i + 1]! - py!)).toBeLessThan(size * 0.03);
          }
          expect(same.attributes!.male).toBeCloseTo(face.attributes!.male, 1);
          expect(Math.abs(same.attributes!.age - face.attributes!.age)).toBeLessThan(2);
        }
      }
    }
  });

  it('takes no picture without a face for turned, and looks no further where a face stands out', async () => {
    for (const name of WITHOUT)
      expect((await detect(await photographBytes(name), { rotate: 'auto' })).faces).toEqual([]);
    const makeTurned = vi.spyOn(Pixels.prototype, 'turned');
    onTestFinished(() => makeTurned.mockRestore());
    for (const [name, turned] of [
      ['portrait-1.jpg', 0],
      ['no-face-cat.png', 3],
    ] as const) {
      makeTurned.mockClear();
      const image = await photograph(name);
      await pipeline.detectPixels(image, options({ rotate: 'auto' }));
      expect(makeTurned, name).toHaveBeenCalledTimes(turned);
      makeTurned.mockClear();
      await pipeline.detectPixels(image, options({ rotate: 'none' }));
      expect(makeTurned).not.toHaveBeenCalled();
    }
  });

  it('lets boxes and points extend past the image', async () => {
    const image = await photograph('portrait-1.jpg');
    const cut = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
      .extract({ left: 440, top: 0, width: 470, height: 700 })
      .png()
      .toBuffer();
    const { faces } = await detect(cut);
    expect(faces).toHaveLength(1);
    expect(Math.min(faces[0]!.box.x, faces[0]!.landmarks![0]!, faces[0]!.landmarks![2]!)).toBeLessThan(0);
  });

  it('gives the same faces from a large JPEG that profile fast decodes smaller', async () => {
    const truths = crowd(4, 2, 960, 240);
    const bytes = await sharp(await pasted(3840, 1920, truths))
      .jpeg({ quality: 90 })
      .toBuffer();
    const image = await sharp(bytes).raw().toBuffer();
    const { faces, image: facts } = await detect(bytes, { profile: 'fast', min_face_size: 150 });
    expect(facts).toMatchObject({ width: 3840, height: 1920 });
    const full = await pipeline.detectPixels({ data: image, width: 3840, height: 1920 }, options({ profile: 'fast' }));
    expect(faces).toHaveLength(8);
    for (const truth of truths) {
      const [small, whole] = [at(faces, truth)!, at(full.faces, truth)!];
      let off = 0;
      for (let i = 0; i < 212; i += 2)
        off += Math.hypot(
          small.landmarks![i]! - whole.landmarks![i]!,
          small.landmarks![i + 1]! - whole.landmarks![i + 1]!,
        );
      expect(off / 106 / 240).toBeLessThan(0.015);
      expect(Math.abs(small.points5[0]! - whole.points5[0]!)).toBeLessThan(0.05 * 240);
    }
  });

  it('decodes a large JPEG to the size that profile fast needs: 640 px, or 1280 px when crops are cut from it', async () => {
    const bytes = await oversized('jpeg', 3840, 1920);
    const resize = vi.spyOn(sharp.prototype, 'resize');
    onTestFinished(() => resize.mockRestore());
    for (const [parts, width] of [
      [boxesOnly, 640],
      [{ landmarks: true, attributes: false }, 1280],
      [{ landmarks: false, attributes: true }, 1280],
    ] as const) {
      resize.mockClear();
      await detect(bytes, { ...parts, profile: 'fast' });
      expect(resize.mock.calls[0]).toMatchObject([{ width, height: width / 2 }]);
    }
    resize.mockClear();
    await detect(bytes, { ...boxesOnly, profile: 'balanced' });
    expect(resize.mock.calls.map(([size]) => size)).not.toContainEqual(
      expect.objectContaining({ fit: 'fill', width: 640 }),
    );
  });

  describe('with an image over 4096 px', () => {
    /** A telephone's picture of 24 megapixels. */
    const phone = { width: 5712, height: 4284 };
    const truths: PastedFace[] = [
      { x: 1000, y: 900, size: 700, who: 0 },
      { x: 4700, y: 3300, size: 400, who: 1, roll: 12 },
      { x: 5300, y: 500, size: 180, who: 2 },
      { x: 400, y: 3900, size: 110, who: 0 },
    ];
    /** Boxes and points lie on the pasted faces, in px of the image as it was sent. */
    const expectFaces = (faces: DetectedFace[], expected: PastedFace[], name: string) => {
      expect(faces, name).toHaveLength(expected.length);
      for (const truth of expected) {
        const face = at(faces, truth);
        expect(face, `${name}, ${truth.size} px`).toBeDefined();
        for (const points of [face!.points5, face!.landmarks!]) {
          const mean = (axis: number) =>
            points.filter((_, i) => i % 2 === axis).reduce((sum, value) => sum + value) / (points.length / 2);
          expect(Math.hypot(mean(0) - truth.x, mean(1) - truth.y), `${name}, ${truth.size} px`).toBeLessThan(
            truth.size / 3,
          );
        }
      }
    };

    it('gives coordinates of the image as it was sent, upright', async () => {
      const upright = await sharp(await pasted(phone.width, phone.height, truths))
        .jpeg({ quality: 90 })
        .toBuffer();
      const sideways = await sharp(upright).rotate(-90).withMetadata({ orientation: 6 }).jpeg().toBuffer();
      for (const [name, bytes, orientation] of [
        ['upright', upright, 1],
        ['on its side', sideways, 6],
      ] as const) {
        const { faces, image } = await detect(bytes);
        expect(image, name).toEqual({ ...phone, format: 'jpeg', bytes: bytes.length, orientation });
        expectFaces(faces, truths, name);
      }
      // The second largest is 7 tenths of this in px of the decoded image.
      const [, second] = (await detect(upright, boxesOnly)).faces.map(sizeOf).toSorted((a, b) => b - a);
      const { faces } = await detect(upright, { min_face_size: 0.9 * second! });
      expectFaces(faces, truths.slice(0, 2), 'min_face_size');
      const { image } = await detect(sideways, { orient: false, ...boxesOnly });
      expect(image).toMatchObject({ width: phone.height, height: phone.width });
    });

    it('finds its faces in every format', async () => {
      const size = { width: 4800, height: 1200 };
      const wide = [
        { x: 700, y: 600, size: 500, who: 0 },
        { x: 2300, y: 400, size: 200, who: 2 },
        { x: 4400, y: 800, size: 300, who: 1 },
      ];
      const png = await pasted(size.width, size.height, wide);
      const { data } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
      const row = (y: number) => {
        const bgr = Buffer.from(data.subarray(y * size.width * 3, (y + 1) * size.width * 3));
        for (let i = 0; i < bgr.length; i += 3) [bgr[i], bgr[i + 2]] = [bgr[i + 2]!, bgr[i]!];
        return bgr;
      };
      const files: [string, Uint8Array][] = [
        ['png', png],
        ['interlaced png', await sharp(png).png({ progressive: true, compressionLevel: 1 }).toBuffer()],
        ['jpeg', await sharp(png).jpeg({ quality: 90, progressive: true }).toBuffer()],
        ['webp', await sharp(png).webp({ effort: 0 }).toBuffer()],
        ['lossless webp', await sharp(png).webp({ lossless: true, effort: 0 }).toBuffer()],
        [
          'bmp',
          writeBmp({ header: 40, bits: 24, ...size, rows: Array.from({ length: size.height }, (_, y) => row(y)) }),
        ],
      ];
      for (const [name, bytes] of files) {
        const { faces, image } = await detect(bytes);
        expect(image, name).toMatchObject({ ...size, format: name.split(' ').at(-1) });
        expectFaces(faces, wide, name);
      }
    });

    it('searches 4096 px of its longer side', async () => {
      const found = vi.spyOn(sharp.prototype, 'resize');
      onTestFinished(() => found.mockRestore());
      await detect(await oversized('png', 700, 8192), boxesOnly);
      expect(found.mock.calls[0]).toMatchObject([{ width: 350, height: 4096 }]);
      await detect(await oversized('png', 700, 4096), boxesOnly);
      expect(found.mock.calls.map(([size]) => size)).not.toContainEqual(expect.objectContaining({ height: 2048 }));
    });

    it('reports its pixels before it is decoded, and then its faces', async () => {
      const reports: [string, number][] = [];
      const report = {
        pixels: (count: number) => reports.push(['pixels', count]),
        faces: (count: number) => reports.push(['faces', count]),
      };
      const bytes = await oversized('jpeg', 6000, 40);
      await pipeline.detect(bytes, options(), report);
      expect(reports).toEqual([
        ['pixels', 240_000],
        ['faces', 0],
      ]);
      // The header is whole, the picture is not.
      await expect(pipeline.detect(bytes.subarray(0, 800), options(), report)).rejects.toMatchObject({
        code: 'image_undecodable',
      });
      expect(reports[2]).toEqual(['pixels', 240_000]);
    });

    it('refuses it over 8192 px a side or 50 megapixels, by its header', async () => {
      for (const [width, height, limit] of [
        [8193, 16, '8192'],
        [16, 8193, '8192'],
        [8192, 6104, '50000000'],
      ] as const) {
        const bytes = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ihdr(width, height, 8, 2)]);
        await expect(detect(bytes), `${width} x ${height}`).rejects.toMatchObject({
          code: 'image_too_large',
          message: expect.stringMatching(new RegExp(`${width} x ${height} px; .*\\b${limit}\\b`)),
        });
      }
      const bytes = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ihdr(8192, 6103, 8, 2)]);
      await expect(detect(bytes)).rejects.toMatchObject({ code: 'image_undecodable' });
    });
  });

  it('applies EXIF orientation, unless it is switched off', async () => {
    const sideways = await sharp(await photographBytes('portrait-1.jpg'))
      .rotate(-90)
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const upright = await detect(await photographBytes('portrait-1.jpg'));
    const turned = await detect(sideways);
    expect(turned.image).toMatchObject({ width: 910, height: 1137, orientation: 6 });
    expect(turned.faces[0]!.box.x).toBeCloseTo(upright.faces[0]!.box.x, -1);
    expect((await detect(sideways, { orient: false })).image).toMatchObject({
      width: 1137,
      height: 910,
      orientation: 6,
    });
  });

  it('limits faces in px of the original when profile fast decodes a JPEG on its side smaller', async () => {
    const truths: PastedFace[] = [
      { x: 600, y: 700, size: 520, who: 0 },
      { x: 1800, y: 700, size: 260, who: 1 },
      { x: 3000, y: 700, size: 380, who: 2 },
    ];
    const upright = await sharp(await pasted(3840, 1600, truths))
      .jpeg({ quality: 90 })
      .toBuffer();
    const sideways = await sharp(upright).rotate(-90).withMetadata({ orientation: 6 }).jpeg({ quality: 90 }).toBuffer();
    for (const [bytes, parts] of [
      [upright, boxesOnly],
      [sideways, boxesOnly],
      [sideways, {}],
    ] as const) {
      const all = await detect(bytes, { ...parts, profile: 'fast' });
      expect(all.image).toMatchObject({ width: 3840, height: 1600 });
      for (const truth of truths) expect(at(all.faces, truth)).toBeDefined();
      const [largest, middle] = all.faces.map(sizeOf).toSorted((a, b) => b - a) as [number, number];
      for (const [min_face_size, max_faces, count] of [
        [largest + 1, 2, 0],
        [largest - 1, 2, 1],
        [middle - 1, 2, 2],
        [middle - 1, 1, 1],
      ] as const) {
        const { faces } = await detect(bytes, { ...parts, profile: 'fast', min_face_size, max_faces });
        const wanted = all.faces.filter((face) => sizeOf(face) >= min_face_size).slice(0, max_faces);
        expect(faces.map(({ box }) => box)).toEqual(wanted.map(({ box }) => box));
        expect(faces).toHaveLength(count);
      }
    }
  });

  it('finds the same face in every EXIF orientation of every format that has one', async () => {
    const variants = await exifVariants(await photograph('portrait-1.jpg', 200, 250));
    const kinds = variants.filter(({ name }) => /jpeg MM|png before|webp/.test(name));
    expect(kinds).toHaveLength(24);
    const found: DetectedFace[] = [];
    for (const { bytes, name, orientation } of kinds) {
      const { faces, image } = await detect(bytes, { profile: 'fast' });
      expect(image, name).toMatchObject({ width: 200, height: 250, orientation });
      expect(faces, name).toHaveLength(1);
      found.push(faces[0]!);
    }
    const [first] = found as [DetectedFace];
    for (const { box, landmarks } of found) {
      for (const side of ['x', 'y', 'width', 'height'] as const)
        expect(Math.abs(box[side] - first.box[side])).toBeLessThan(4);
      const off = landmarks!.map((value, i) => Math.abs(value - first.landmarks![i]!));
      expect(Math.max(...off)).toBeLessThan(8);
    }
  });

  it('looks for faces in the first frame of an animation only', async () => {
    const [face, none] = await Promise.all(
      (['portrait-1.jpg', 'no-face-cat.png'] as const).map((name) => photograph(name, 300, 300)),
    );
    const animation = (...frames: (typeof face)[]) =>
      sharp(Buffer.concat(frames.map(({ data }) => data)), {
        raw: { width: 300, height: 300 * frames.length, channels: 3, pageHeight: 300 },
      })
        .webp({ loop: 0, delay: frames.map(() => 100) })
        .toBuffer();
    const found = await detect(await animation(face, none));
    expect(found.image).toMatchObject({ width: 300, height: 300, format: 'webp' });
    expect(found.faces).toHaveLength(1);
    expect((await detect(await animation(none, face))).faces).toEqual([]);
  });

  it('accepts a single pixel, a row, a column and odd sides', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 300],
      [4096, 1],
      [31, 33],
      [640, 640],
    ] as const) {
      const data = new Uint8Array(width * height * 3).fill(90);
      for (const profile of ['fast', 'balanced', 'small-faces'] as const)
        expect((await pipeline.detectPixels({ data, width, height }, options({ profile }))).faces).toEqual([]);
    }
  });

  it('gives concurrent calls the same results as single ones', async () => {
    const names: PhotographName[] = [...WITH_FACE, ...WITHOUT, ...WITH_FACE];
    const images = await Promise.all(names.map((name) => photographBytes(name)));
    const alone = [];
    for (const image of images) alone.push((await detect(image)).faces);
    expect((await Promise.all(images.map((image) => detect(image)))).map(({ faces }) => faces)).toEqual(alone);
  });

  it('refuses bytes that are not an image with the codes of the catalogue', async () => {
    await expect(detect(Buffer.from('no image at all'))).rejects.toMatchObject({ code: 'unsupported_media_type' });
    const png = await photographBytes('no-face-cat.png');
    await expect(detect(png.subarray(0, png.length / 2))).rejects.toMatchObject({ code: 'image_undecodable' });
    await using small = await createPipeline({ device: 'cpu', limits: { maxSide: 400, maxPixels: 1e6 } });
    await expect(small.detect(png, options())).rejects.toMatchObject({ code: 'image_too_large' });
  });
});
