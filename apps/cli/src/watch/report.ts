import type { FrameEvent } from '@facequeue/client';
import type { WatchCall } from './options.ts';

/** Returns the function that formats a result: as a line, or as nothing. */
export function reportFor(print: WatchCall['print']): (frame: FrameEvent) => string {
  if (print === 'json') return (frame) => `${JSON.stringify(frame)}\n`;
  if (print === 'nothing') return () => '';
  return (frame) => `${frame.frame_time ?? frame.arrived_at}  ${describe(frame)}\n`;
}

function describe({ result, error }: FrameEvent): string {
  if (!result) return `${error?.code}: ${error?.detail}`;
  const { Faces } = result;
  const faces = `${Faces.length} ${Faces.length === 1 ? 'face' : 'faces'}`;
  // Faces are sorted by confidence, highest first.
  const best = Faces[0]?.Confidence;
  return best === undefined ? faces : `${faces}  ${best.toFixed(2)}`;
}
