/** The memory in which pixels lie while an image is in progress, and the loops over them. */
export { Arena, type KernelChoice, Pixels } from './arena.ts';
export { Arenas, LARGE_PIXELS } from './arenas.ts';
export type { Kernels, Orientation, Rows, Samples } from './kernels.ts';
