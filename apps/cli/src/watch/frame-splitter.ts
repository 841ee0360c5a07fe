/** Cuts a stream of JPEG files, one after the other, into the files. */
export interface FrameSplitter {
  /**
   * @returns the frames that `bytes` complete
   * @throws Error when a frame does not end
   */
  push(bytes: Buffer): Buffer[];
}

/** Largest frame: several times what a picture of 4096 x 4096 takes. */
const MAX_FRAME_BYTES = 64 << 20;

const SOI = Buffer.of(0xff, 0xd8);

/** Where in a file the next byte stands (ISO/IEC 10918-1, annex B). */
type State =
  /** Between files. */
  | 'outside'
  /** Behind an 0xFF between files. */
  | 'start'
  /** Where a marker's 0xFF is expected. */
  | 'marker'
  /** Behind it. */
  | 'code'
  | 'length'
  | 'segment'
  /** Among entropy-coded data. */
  | 'scan'
  /** Behind an 0xFF in it. */
  | 'scan code';

/**
 * A splitter that reads markers and the lengths of segments, so that bytes inside one (a thumbnail, say) are not taken for an
 * end. What is between files is left out, and so is a file that is none.
 */
export function createFrameSplitter(maxBytes = MAX_FRAME_BYTES): FrameSplitter {
  let state: State = 'outside';
  /** Pieces of the file that has begun, joined once. */
  let pieces: Buffer[] = [];
  let size = 0;
  /** First byte of a segment's length once it is known. */
  let high: number | null = null;
  /** Bytes of the segment that are still to come. */
  let left = 0;
  let isScan = false;

  /** What a marker's code leads to; null: the file has ended. */
  const behind = (code: number): State | null => {
    if (code === 0xff) return 'code'; // fill bytes
    if (code === 0xd9) return null;
    if (code === 0x01 || (code >= 0xd0 && code <= 0xd7)) return 'marker';
    if (code === 0x00) return 'outside'; // this is no JPEG
    isScan = code === 0xda;
    return 'length';
  };

  return {
    push(bytes) {
      const frames: Buffer[] = [];
      /** Where the part of the file begins that is in `bytes`. */
      let from = 0;
      let at = 0;
      const begin = () => {
        [pieces, size, from] = [[SOI], SOI.length, at];
        state = 'marker';
      };
      const end = () => {
        frames.push(Buffer.concat([...pieces, bytes.subarray(from, at)]));
        state = 'outside';
      };
      while (at < bytes.length) {
        if (state === 'outside' || state === 'scan') {
          const found = bytes.indexOf(0xff, at);
          at = found < 0 ? bytes.length : found + 1;
          if (found >= 0) state = state === 'scan' ? 'scan code' : 'start';
          continue;
        }
        if (state === 'segment') {
          const part = Math.min(left, bytes.length - at);
          at += part;
          left -= part;
          if (left === 0) state = isScan ? 'scan' : 'marker';
          continue;
        }
        const byte = bytes[at++]!;
        if (state === 'start') {
          if (byte === 0xd8) begin();
          else if (byte !== 0xff) state = 'outside';
        } else if (state === 'marker') {
          state = byte === 0xff ? 'code' : 'outside';
        } else if (state === 'length') {
          if (high === null) {
            high = byte;
            continue;
          }
          left = high * 256 + byte - 2;
          high = null;
          if (left < 0) state = 'outside';
          else if (left > 0) state = 'segment';
          else state = isScan ? 'scan' : 'marker';
        } else if (state === 'scan code' && (byte === 0x00 || (byte >= 0xd0 && byte <= 0xd7))) {
          state = 'scan';
        } else if (byte === 0xd8) {
          begin(); // the file before it has no end
        } else {
          const next = behind(byte);
          if (next === null) end();
          else state = state === 'scan code' && next === 'code' ? 'scan code' : next;
        }
      }
      if (state === 'outside' || state === 'start') {
        pieces = [];
        return frames;
      }
      size += bytes.length - from;
      if (size > maxBytes) throw new Error(`a frame has more than ${maxBytes} bytes`);
      pieces.push(bytes.subarray(from));
      return frames;
    },
  };
}
