/** How the file begins in which a process counts its garbage collections. */
export const FILE_PREFIX = 'facequeue-collections-';
