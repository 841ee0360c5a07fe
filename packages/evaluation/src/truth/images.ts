import type { Truth } from '../detection/match.ts';

/** An image of the ground truth, and its faces. */
export interface TruthImage {
  /** Path relative to the folder of images, with `/`. */
  file: string;
  faces: Truth[];
  /** Size of the image that was labelled, px, where the file gives it. */
  size?: { width: number; height: number };
}

/** Whether a path names a file inside the folder it is relative to. */
export function staysInside(file: string): boolean {
  return file !== '' && !/^([/\\]|[a-z]:)/i.test(file) && !file.split(/[/\\]/).includes('..');
}
