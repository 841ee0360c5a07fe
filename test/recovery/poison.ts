/** Stands behind the end of a JPEG, where decoders do not look. */
export const POISON = 'facequeue test: abort';
