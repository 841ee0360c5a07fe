/**
 * Where a head points to. The points of an average head are fitted to those of the picture under scaled orthographic projection, in one
 * linear step: POS of DeMenthon and Davis, "Model-based object pose in 25 lines of code" (IJCV 15, 1995). It has no iteration and no
 * start value to go wrong; what it neglects is perspective, which turns heads close to a wide lens by some degrees.
 */
import { rollOf } from './crop.ts';

type Vector = readonly [x: number, y: number, z: number];

/** Points of an average head: cm, x to the right of the picture, y up, z towards the camera; symmetrical about x = 0. */
type Head = readonly Vector[];

/*
 * Both heads are MediaPipe's canonical face model (Apache-2.0), face_geometry/data/canonical_face_model.obj: vertices, or their means
 * where a point is a mean of vertices.
 */

/** The detector's five points: image-left eye, image-right eye, tip of the nose, image-left and image-right corner of the mouth. */
export const FIVE_POINTS: Head = [
  [-3.15, 2.62, 3.47],
  [3.15, 2.62, 3.47],
  [0, -0.8, 7.53],
  [-2.46, -4.34, 4.28],
  [2.46, -4.34, 4.28],
];

/** Of the 106 points, by index, those that no expression moves: corners of the eyes, and the nose. */
export const RIGID_POINTS: Readonly<Record<number, Vector>> = {
  35: [-4.45, 2.66, 3.17],
  39: [-1.86, 2.59, 3.76],
  72: [0, 2.87, 5.51],
  73: [0, 1.65, 6.37],
  74: [0, 0.43, 7.2],
  77: [-1.79, -0.98, 4.85],
  78: [-1.41, -1.71, 5.24],
  79: [-0.6, -2.01, 5.87],
  80: [0, -2.09, 6.06],
  83: [1.79, -0.98, 4.85],
  84: [1.41, -1.71, 5.24],
  85: [0.6, -2.01, 5.87],
  86: [0, -0.8, 7.53],
  89: [1.86, 2.59, 3.76],
  93: [4.45, 2.66, 3.17],
};

export interface HeadPose {
  /** Degrees, clockwise on screen: the tilt by which crops are turned. */
  roll: number;
  /** Degrees, positive towards the right of the picture. */
  yaw: number;
  /** Degrees, positive upwards. */
  pitch: number;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const centred = (values: readonly number[]) => values.map((value) => value - mean(values));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const toUnit = ([x, y, z]: Vector): Vector => {
  const length = Math.hypot(x, y, z) || 1;
  return [x / length, y / length, z / length];
};
const toDegrees = (radians: number) => (radians * 180) / Math.PI;

/** Fits a head: the vector v for which v · (its x, y, z) comes closest to `values`, in the sense of least squares. */
function fitOf(head: Head): (values: readonly number[]) => Vector {
  const [xs, ys, zs] = [0, 1, 2].map((axis) => centred(head.map((point) => point[axis]!))) as [
    number[],
    number[],
    number[],
  ];
  // The head is symmetrical, so x is independent of y and z.
  const [xx, yy, yz, zz] = [dot(xs, xs), dot(ys, ys), dot(ys, zs), dot(zs, zs)];
  const determinant = yy * zz - yz * yz;
  return (values) => {
    const [x, y, z] = [dot(xs, values), dot(ys, values), dot(zs, values)];
    return [x / xx, (zz * y - yz * z) / determinant, (yy * z - yz * y) / determinant];
  };
}

/** Two unit vectors at right angles, each as far from its given one as the other. */
function atRightAngles(a: Vector, b: Vector): [Vector, Vector] {
  const sum = toUnit([a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
  const difference = toUnit([a[0] - b[0], a[1] - b[1], a[2] - b[2]]);
  const half = Math.SQRT1_2;
  const mixed = (sign: number) => sum.map((value, i) => half * (value + sign * difference[i]!)) as unknown as Vector;
  return [mixed(1), mixed(-1)];
}

/** Least length of the eyes' axis in the picture, of 1, that still shows its tilt: it is shorter from a yaw of 72 degrees on. */
const LEAST_SEEN = 0.3;

const fitFive = fitOf(FIVE_POINTS);
const fitRigid = fitOf(Object.values(RIGID_POINTS));
const RIGID = Object.keys(RIGID_POINTS).map(Number);
/** Eyes, tip of the nose and corners of the mouth among the 106 points. */
const FIVE = [34, 88, 86, 52, 61];

/**
 * Where a head points to.
 * @param points5 x, y of the detector's five points, px
 * @param landmarks 106 x, y pairs, px; used instead where there are some, because they are more exact
 */
export function poseOf(points5: ArrayLike<number>, landmarks?: ArrayLike<number>): HeadPose {
  const roll = rollOf(landmarks ? chosen(landmarks, FIVE) : points5);
  const points = landmarks ? chosen(landmarks, RIGID) : points5;
  const fit = landmarks ? fitRigid : fitFive;
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  // Upright, and y up as the head's is.
  const across: number[] = [];
  const up: number[] = [];
  for (let i = 0; i < points.length; i += 2) {
    across.push(points[i]! * cos + points[i + 1]! * sin);
    up.push(points[i]! * sin - points[i + 1]! * cos);
  }
  const [right, top] = atRightAngles(toUnit(fit(centred(across))), toUnit(fit(centred(up))));
  // The third row of the rotation is their cross product. Its first column is where the head's x axis points to, its last one z.
  const forward = right[0] * top[1] - right[1] * top[0];
  // What is left of the tilt, by the eyes' axis; in profile that points into the camera, and says nothing.
  const length = Math.hypot(right[0], top[0]);
  const [alongX, alongY] = length > LEAST_SEEN ? [right[0] / length, top[0] / length] : [1, 0];
  return {
    roll: toDegrees(roll),
    yaw: toDegrees(Math.atan2(right[2] * alongX + top[2] * alongY, forward)),
    pitch: toDegrees(Math.asin(Math.min(1, Math.max(-1, top[2] * alongX - right[2] * alongY)))),
  };
}

const chosen = (points: ArrayLike<number>, indices: readonly number[]) =>
  indices.flatMap((index) => [points[2 * index]!, points[2 * index + 1]!]);
