import type { DetectedFace } from '../detection.ts';

/** Scales a face from the decoded image to the original, in place. */
export function scaleFace(face: DetectedFace, { x, y }: { x: number; y: number }): void {
  if (x === 1 && y === 1) return;
  const { box } = face;
  face.box = { x: box.x * x, y: box.y * y, width: box.width * x, height: box.height * y };
  for (const points of [face.points5, face.landmarks ?? []])
    for (let i = 0; i < points.length; i += 2) {
      points[i]! *= x;
      points[i + 1]! *= y;
    }
}
