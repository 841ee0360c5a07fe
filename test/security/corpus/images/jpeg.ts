/** Damage that only a JPEG can have. */
import type { Random } from '../random.ts';
import type { Damage } from './any.ts';

interface Segment {
  marker: number;
  /** Of its 0xff. */
  start: number;
  end: number;
}

/** Those before the first scan. */
function segments(bytes: Buffer): Segment[] {
  const found: Segment[] = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    found.push({ marker, start: at, end });
    if (marker === 0xda || end > bytes.length) break;
    at = end;
  }
  return found;
}

const isFrame = ({ marker }: Segment) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const some = (bytes: Buffer, random: Random, wanted: (segment: Segment) => boolean) => {
  const found = segments(bytes).filter(wanted);
  return found.length > 0 ? random.pick(found) : undefined;
};

function segment(marker: number, body: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

const before = (bytes: Buffer, ...more: Buffer[]) => Buffer.concat([bytes.subarray(0, 2), ...more, bytes.subarray(2)]);

/** Depth, height, width, number of components, and the sampling of each. */
const frame: Damage = (bytes, random) => {
  const at = some(bytes, random, isFrame)?.start;
  if (at === undefined) return bytes;
  const side = () => random.pick([0, 1, 7, 4096, 4097, 8191, 8192, 8193, 65_535]);
  random.pick([
    () => bytes.writeUInt16BE(side(), at + 5),
    () => bytes.writeUInt16BE(side(), at + 7),
    () => (bytes[at + 4] = random.pick([0, 1, 12, 16, 255])),
    () => (bytes[at + 9] = random.pick([0, 1, 2, 3, 4, 5, 255])),
    () => (bytes[at + 11] = random.pick([0, 0x11, 0x14, 0x41, 0x44, 0xff])),
    // Lossless, arithmetic and hierarchical frames, which few decoders know.
    () => (bytes[at + 1] = random.pick([0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf])),
  ])();
  return bytes;
};

const lengthOfSegment: Damage = (bytes, random) => {
  const at = some(bytes, random, () => true)?.start;
  if (at !== undefined) bytes.writeUInt16BE(random.pick([0, 1, 2, 3, 0x7fff, 0xffff]), at + 2);
  return bytes;
};

/** Quantization and Huffman tables. */
const table: Damage = (bytes, random) => {
  const found = some(bytes, random, ({ marker }) => marker === 0xdb || marker === 0xc4);
  if (!found) return bytes;
  const content = bytes.subarray(found.start + 4, found.end);
  random.pick([() => content.fill(0), () => content.fill(0xff), () => random.bytes(content.length).copy(content)])();
  return bytes;
};

const duplicate: Damage = (bytes, random) => {
  const found = some(bytes, random, () => true);
  if (!found) return bytes;
  const copy = bytes.subarray(found.start, found.end);
  return before(
    bytes,
    ...Array<Buffer>(1 + random.below(Math.min(2000, 1 + Math.floor(2e6 / copy.length)))).fill(copy),
  );
};

/** Scans that are decoded one after the other, each over the whole picture. */
const scans: Damage = (bytes, random) => {
  const at = bytes.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = bytes.subarray(at, bytes.length - 2);
  const times = 1 + random.below(Math.min(400, 1 + Math.floor(4e6 / scan.length)));
  return Buffer.concat([bytes.subarray(0, -2), ...Array<Buffer>(times).fill(scan), bytes.subarray(-2)]);
};

/** Directories of EXIF that lead to themselves, or out of the block. */
const exif: Damage = (bytes, random) => {
  const block = Buffer.alloc(26);
  block.write('II*\0', 0, 'latin1');
  block.writeUInt32LE(random.pick([8, 0, 4, 25, 0xffffffff, 0x80000000]), 4);
  block.writeUInt16LE(random.pick([1, 0, 2, 0xffff]), 8);
  block.writeUInt16LE(random.pick([0x0112, 0x8769, 0x014a]), 10);
  block.writeUInt16LE(random.pick([3, 4, 13, 0xffff]), 12);
  block.writeUInt32LE(random.pick([1, 0, 0xffffffff]), 14);
  // Of a directory below, and of the next one: both are the first.
  block.writeUInt32LE(8, 18);
  block.writeUInt32LE(8, 22);
  return before(bytes, segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block])));
};

/** A picture inside the picture's metadata, some levels deep. */
const nested: Damage = (bytes, random) => {
  let inner = bytes.subarray(0, 20_000);
  for (let depth = 1 + random.below(6); depth > 0; depth--)
    inner = before(bytes.subarray(0, 4000), segment(0xe1, inner.subarray(0, 60_000)));
  return before(bytes, segment(0xe1, inner.subarray(0, 65_000)));
};

/** Parts of a colour profile that say they are others, more than there are, or huge. */
const profile: Damage = (bytes, random) => {
  const parts = Array.from({ length: 1 + random.below(255) }, () => {
    const [number, count] = [random.below(256), random.below(256)];
    const head = Buffer.concat([Buffer.from('ICC_PROFILE\0', 'latin1'), Buffer.from([number, count])]);
    return segment(0xe2, Buffer.concat([head, random.bytes(random.below(600))]));
  });
  return before(bytes, ...parts);
};

const restarts: Damage = (bytes, random) =>
  before(bytes, segment(0xdd, Buffer.from([random.below(256), random.below(3)])));

export const JPEG: readonly Damage[] = [
  frame,
  frame,
  lengthOfSegment,
  table,
  duplicate,
  scans,
  exif,
  nested,
  profile,
  restarts,
];
