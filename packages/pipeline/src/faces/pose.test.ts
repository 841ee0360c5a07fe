import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIVE_POINTS, poseOf, RIGID_POINTS } from './pose.ts';

type Vector = readonly [number, number, number];
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/**
 * A head's points in a picture: nodded, then turned, then tilted in the plane of the picture, 90 px a cm; y down.
 * @param distance cm from the camera to the head's middle; infinite for a parallel projection
 */
function seen(head: readonly Vector[], { roll = 0, yaw = 0, pitch = 0, distance = Infinity }): number[] {
  const [a, b, c] = [radians(pitch), radians(yaw), radians(roll)];
  return head.flatMap(([x, y, z]) => {
    const [y1, z1] = [y * Math.cos(a) + z * Math.sin(a), -y * Math.sin(a) + z * Math.cos(a)];
    const [x2, z2] = [x * Math.cos(b) + z1 * Math.sin(b), -x * Math.sin(b) + z1 * Math.cos(b)];
    const scale = 90 / (1 - z2 / distance);
    const [u, v] = [x2 * scale, -y1 * scale];
    return [500 + u * Math.cos(c) - v * Math.sin(c), 400 + u * Math.sin(c) + v * Math.cos(c)];
  });
}

/** All 106 points, of which pose needs those of the nose and eyes, and mouth and eye centres for the roll. */
function landmarksOf(angles: Parameters<typeof seen>[1], change = (point: Vector): Vector => point): number[] {
  const head: Vector[] = Array.from({ length: 106 }, () => [0, 0, 0]);
  for (const [index, point] of Object.entries(RIGID_POINTS)) head[Number(index)] = point;
  [34, 88, 86, 52, 61].forEach((index, i) => {
    head[index] = FIVE_POINTS[i]!;
  });
  return seen(head.map(change), angles);
}

const angle = fc.integer({ min: -45, max: 45 });

describe('the pose of a head', () => {
  it('is that by which its 106 points, or five, were turned, nodded and tilted', () => {
    fc.assert(
      fc.property(angle, angle, fc.integer({ min: -170, max: 170 }), (yaw, pitch, roll) => {
        const angles = { yaw, pitch, roll };
        for (const pose of [poseOf(seen(FIVE_POINTS, angles)), poseOf([], landmarksOf(angles))]) {
          expect(pose.yaw).toBeCloseTo(yaw, 3);
          expect(pose.pitch).toBeCloseTo(pitch, 3);
        }
      }),
    );
  });

  it('has the tilt of the crops: that of the head, to 4 degrees where it looks to the side', () => {
    for (const yaw of [-45, -20, 0, 20, 45])
      for (const roll of [-160, -30, 0, 30, 90])
        for (const pose of [poseOf(seen(FIVE_POINTS, { yaw, roll })), poseOf([], landmarksOf({ yaw, roll }))])
          expect(Math.abs(pose.roll - roll), `${yaw}, ${roll}`).toBeLessThan(yaw === 0 ? 1e-6 : 4);
  });

  it('has the signs that are documented: right of the picture, up, clockwise', () => {
    expect(poseOf(seen(FIVE_POINTS, { yaw: 20 })).yaw).toBeGreaterThan(19);
    // The nose of a head that turns to the right of the picture moves there.
    const nose = (angles: object) => seen(FIVE_POINTS, angles).slice(4, 6) as [number, number];
    expect(nose({ yaw: 20 })[0]).toBeGreaterThan(nose({})[0]);
    expect(nose({ pitch: 20 })[1]).toBeLessThan(nose({})[1]);
    expect(poseOf([0, 0, 100, 20, 40, 60, 0, 100, 80, 116]).roll).toBeGreaterThan(0);
  });

  it.each(['yaw', 'pitch'] as const)('grows with %s, within 8 degrees, seen from half a metre', (axis) => {
    type Angles = Parameters<typeof seen>[1];
    for (const measured of [
      (angles: Angles) => poseOf(seen(FIVE_POINTS, angles)),
      (angles: Angles) => poseOf([], landmarksOf(angles)),
    ]) {
      let before = -Infinity;
      for (let degrees = -45; degrees <= 45; degrees += 5) {
        const found = measured({ [axis]: degrees, distance: 50 })[axis];
        expect(found).toBeGreaterThan(before);
        expect(Math.abs(found - degrees), `${degrees} degrees`).toBeLessThan(8);
        before = found;
      }
    }
  });

  it('is within 8 degrees for a head with a flatter or longer face, or a nose a fifth larger', () => {
    const heads: ((point: Vector) => Vector)[] = [
      ([x, y, z]) => [x, y, z * 0.85],
      ([x, y, z]) => [x, y * 1.12, z],
      ([x, y, z]) => [x, y, z > 5 ? 5 + (z - 5) * 1.2 : z],
    ];
    for (const change of heads)
      for (const [yaw, pitch] of [
        [0, 0],
        [30, 0],
        [-30, 0],
        [0, 20],
        [0, -20],
      ] as const) {
        const pose = poseOf([], landmarksOf({ yaw, pitch }, change));
        expect(Math.abs(pose.yaw - yaw)).toBeLessThan(8);
        expect(Math.abs(pose.pitch - pitch)).toBeLessThan(8);
      }
  });

  it('is finite for points in one place', () => {
    for (const value of Object.values(poseOf(new Float32Array(10)))) expect(value).toBe(0);
  });
});
