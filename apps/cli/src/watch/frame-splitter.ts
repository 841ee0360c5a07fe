/** Splits a stream of concatenated JPEG files into the files. */
export interface FrameSplitter {
  /**
   * @returns the frames that `bytes` complete
   * @throws Error when a frame is larger than the limit
   */
  push(bytes: Buffer): Buffer[];
}

/** Largest frame, bytes: several times the size of a JPEG of 4096 x 4096 px. */
const MAX_FRAME_BYTES = 64 << 20;

const SOI = Buffer.of(0xff, 0xd8);

/** Position of the next byte in a file (ISO/IEC 10918-1, annex B). */
type State =
  /** Between files. */
  | 'outside'
  /** After an 0xFF between files. */
  | 'start'
  /** Where a marker's 0xFF is expected. */
  | 'marker'
  /** After that 0xFF. */
  | 'code'
  | 'length'
  | 'segment'
  /** In entropy-coded data. */
  | 'scan'
  /** After an 0xFF in entropy-coded data. */
  | 'scan code';

/**
 * Creates a splitter that reads markers and segment lengths, so that an end marker inside a segment (of a thumbnail, say) does
 * not end the file. It skips bytes between files, and files that are no JPEG.
 */
export function createFrameSplitter(maxBytes = MAX_FRAME_BYTES): FrameSplitter {
  let state: State = 'outside';
  /** Chunks of the current file, joined at its end. */
  let chunks: Buffer[] = [];
  let size = 0;
  /** First byte of a segment's length once it is known. */
  let high: number | null = null;
  /** Remaining bytes of the segment. */
  let remaining = 0;
  let isScan = false;

  /** The state after a marker's code; null: the file has ended. */
  const stateAfter = (code: number): State | null => {
    if (code === 0xff) return 'code'; // fill bytes
    if (code === 0xd9) return null;
    if (code === 0x01 || (code >= 0xd0 && code <= 0xd7)) return 'marker';
    if (code === 0x00) return 'outside'; // not a JPEG
    isScan = code === 0xda;
    return 'length';
  };

  return {
    push(bytes) {
      const frames: Buffer[] = [];
      /** Offset in `bytes` of the current file's first byte. */
      let from = 0;
      let at = 0;
      const begin = () => {
        [chunks, size, from] = [[SOI], SOI.length, at];
        state = 'marker';
      };
      const end = () => {
        frames.push(Buffer.concat([...chunks, bytes.subarray(from, at)]));
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
          const part = Math.min(remaining, bytes.length - at);
          at += part;
          remaining -= part;
          if (remaining === 0) state = isScan ? 'scan' : 'marker';
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
          remaining = high * 256 + byte - 2;
          high = null;
          if (remaining < 0) state = 'outside';
          else if (remaining > 0) state = 'segment';
          else state = isScan ? 'scan' : 'marker';
        } else if (state === 'scan code' && (byte === 0x00 || (byte >= 0xd0 && byte <= 0xd7))) {
          state = 'scan';
        } else if (byte === 0xd8) {
          begin(); // the previous file had no end
        } else {
          const next = stateAfter(byte);
          if (next === null) end();
          else state = state === 'scan code' && next === 'code' ? 'scan code' : next;
        }
      }
      if (state === 'outside' || state === 'start') {
        chunks = [];
        return frames;
      }
      size += bytes.length - from;
      if (size > maxBytes) throw new Error(`a frame has more than ${maxBytes} bytes`);
      chunks.push(bytes.subarray(from));
      return frames;
    },
  };
}
