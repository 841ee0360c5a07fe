/** Appended to a JPEG, where decoders ignore it. */
export const POISON = 'facequeue test: abort';
