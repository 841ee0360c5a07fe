/** A class of face sizes, sqrt(width * height) of the box in px: from `from` to below `to`. */
export interface SizeClass {
  from: number;
  to: number;
  name: string;
}

const LIMITS = [0, 16, 32, 64, 128, Number.POSITIVE_INFINITY] as const;

export const SIZE_CLASSES: readonly SizeClass[] = LIMITS.slice(1).map((to, i) => {
  const from = LIMITS[i]!;
  const name = from === 0 ? `< ${to} px` : to === Number.POSITIVE_INFINITY ? `>= ${from} px` : `${from}-${to} px`;
  return { from, to, name };
});

/** @param size px, 0 or more */
export function sizeClassOf(size: number): SizeClass {
  return SIZE_CLASSES.find(({ to }) => size < to)!;
}
