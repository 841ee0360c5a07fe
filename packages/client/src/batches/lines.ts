import { FacequeueError } from '@facequeue/schema/errors';

/** Longest line that is accepted, characters: several times the result of an image with the most faces. */
const MAX_LINE_LENGTH = 128 << 20;

/** Splits the bytes of one NDJSON body into lines as they arrive. An unfinished last line is dropped. */
export interface LineSplitter {
  /**
   * @returns the lines that `bytes` complete, without line breaks
   * @throws internal_error for a line that is longer than any the service sends
   */
  push(bytes: Uint8Array): string[];
}

export function createLineSplitter(maxLength = MAX_LINE_LENGTH): LineSplitter {
  const decoder = new TextDecoder();
  /** Parts of the line that has not ended. They are joined once, so that the cost of a long line is linear. */
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
      if (length > maxLength)
        throw new FacequeueError('internal_error', 'a line of the answer is too long; is this Facequeue?');
      return lines;
    },
  };
}
