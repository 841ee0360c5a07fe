/** The memory for the pixels of an image in progress, and the loops over them. */
export { Arena, type KernelChoice, Pixels } from './arena.ts';
export { Arenas, LARGE_PIXELS } from './arenas.ts';
export type { Kernels, Orientation, Rows, Samples } from './kernels.ts';
