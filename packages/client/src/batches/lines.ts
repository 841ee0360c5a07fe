import { FacequeueError } from '@facequeue/schema/errors';

/** Longest line that is taken, characters: several times the result of the most faces an image can have. */
const MAX_LINE_LENGTH = 128 << 20;

/** Splits the bytes of one NDJSON body into its lines as they come. What is left over at its end is no line. */
export interface LineSplitter {
  /**
   * @returns the lines that `bytes` complete, without their ends
   * @throws internal_error for a line that is longer than any the service sends
   */
  push(bytes: Uint8Array): string[];
}

export function createLineSplitter(maxLength = MAX_LINE_LENGTH): LineSplitter {
  const decoder = new TextDecoder();
  /** Pieces of the line that has not ended: joined once, so that a long line costs no more than its length. */
  let line: string[] = [];
  let length = 0;
  return {
    push(bytes) {
      const ended = decoder.decode(bytes, { stream: true }).split('\n');
      const rest = ended.pop()!;
      const lines = ended.map((end) => {
        const whole = [...line, end].join('');
        [line, length] = [[], 0];
        return whole.endsWith('\r') ? whole.slice(0, -1) : whole;
      });
      line.push(rest);
      length += rest.length;
      if (length > maxLength) throw new FacequeueError('internal_error', 'a line without end: is this Facequeue?');
      return lines;
    },
  };
}
