/** Between the bench and a process with a loop. */
import type { Box } from '../same-faces.ts';

export type ToLoop =
  | { type: 'prepare'; bytes: Uint8Array }
  /** `callers`: images in progress at any time, where the program takes several. */
  | { type: 'run'; ms: number; callers: number };

export type FromLoop =
  | { type: 'ready' }
  | { type: 'prepared'; boxes: Box[] }
  | { type: 'ran'; samples: number[] }
  | { type: 'failed'; message: string };
