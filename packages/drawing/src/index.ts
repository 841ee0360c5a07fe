/** Draws detected faces onto a picture. Loads native code (Skia): only command line tools import this. */
export { type DrawOptions, drawFaces } from './draw-faces.ts';
export { drawThumbnail, type Mark, type ThumbnailOptions } from './thumbnail.ts';
export type { DrawableFace, Picture } from './types.ts';
