/** Colours of a drawing. Amber and green contrast with skin of any tone; black on amber has a contrast of 12.7 : 1. */
export const BOX_COLOUR = '#ffc400';
export const POINT_COLOUR = '#3dff8b';
export const TEXT_COLOUR = '#141414';
/** Below box lines, and around points: keeps them visible on a bright background. */
export const SHADE = 'rgb(0 0 0 / 45%)';

/** Side of a square as large as a face's box, px. */
export function faceSide({ width, height }: { width: number; height: number }): number {
  return Math.sqrt(width * height);
}

export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
