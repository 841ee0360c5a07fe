import type { SKRSContext2D } from '@napi-rs/canvas';
import { wholePixels } from './rectangle.ts';
import { BOX_COLOUR, clamp, faceSide, POINT_COLOUR, SHADE } from './style.ts';
import type { DrawableFace, Rectangle } from './types.ts';

/** Line width of a box by the side of its face, px. */
export function boxLineWidth(side: number): number {
  return clamp(side / 80, 1.25, 8);
}

/** Radius of a point by the side of its face, px: 106 of them stay apart, down to faces of some 40 px. */
export function pointRadius(side: number): number {
  return clamp(side / 115, 0.45, 8);
}

/** The outline of the box, inside it; its outer edge lies on whole pixels and is sharp. */
export function drawBox(context: SKRSContext2D, face: DrawableFace): void {
  const box = wholePixels(face.box);
  const side = faceSide(box);
  const line = boxLineWidth(side);
  const shade = line * 0.6;
  strokeInside(context, box, line, line + shade, SHADE);
  strokeInside(context, box, 0, line, BOX_COLOUR);
}

function strokeInside(
  context: SKRSContext2D,
  { x, y, width, height }: Rectangle,
  from: number,
  to: number,
  colour: string,
): void {
  const inset = (from + to) / 2;
  context.strokeStyle = colour;
  context.lineWidth = to - from;
  context.lineJoin = 'miter';
  context.strokeRect(x + inset, y + inset, Math.max(0, width - 2 * inset), Math.max(0, height - 2 * inset));
}

/** The landmarks, each a disc with a thin dark rim. */
export function drawPoints(context: SKRSContext2D, { box, landmarks }: DrawableFace): void {
  if (!landmarks) return;
  const radius = pointRadius(faceSide(box));
  // On small faces rims would grow together.
  const rim = radius < 1 ? 0 : radius * 0.45;
  for (const [r, colour] of [
    [radius + rim, SHADE],
    [radius, POINT_COLOUR],
  ] as const) {
    context.fillStyle = colour;
    context.beginPath();
    for (let i = 0; i < landmarks.length; i += 2) {
      context.moveTo(landmarks[i]! + r, landmarks[i + 1]!);
      context.arc(landmarks[i]!, landmarks[i + 1]!, r, 0, 2 * Math.PI);
    }
    context.fill();
  }
}
