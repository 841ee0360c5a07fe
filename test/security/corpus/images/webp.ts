/** Damage that only a WebP can have. */
import { riffChunk, webpFile } from '../../../support/fixtures/exif.ts';
import type { Damage } from './any.ts';

interface Chunk {
  type: string;
  body: Buffer;
}

function chunks(bytes: Buffer): Chunk[] {
  const found: Chunk[] = [];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    found.push({ type: bytes.toString('latin1', at, at + 4), body: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return found;
}

const written = (all: Chunk[]) => webpFile(...all.map(({ type, body }) => riffChunk(type, body)));

const canvas = (width: number, height: number, flags: number) => {
  const body = Buffer.alloc(10);
  body[0] = flags;
  body.writeUIntLE((width - 1) & 0xffffff, 4, 3);
  body.writeUIntLE((height - 1) & 0xffffff, 7, 3);
  return { type: 'VP8X', body };
};

/** The canvas of an extended file, or the size inside its picture. */
const size: Damage = (bytes, random) => {
  const side = () => random.pick([0, 1, 160, 4096, 4097, 8192, 8193, 16_383, 16_384, 0xffffff]);
  const all = chunks(bytes).map(({ type, body }) => ({ type, body: Buffer.from(body) }));
  if (random.below(2) === 0)
    return written([canvas(side(), side(), random.below(256)), ...all.filter(({ type }) => type !== 'VP8X')]);
  for (const { type, body } of all) {
    if (type === 'VP8 ' && body.length > 10) body.writeUInt16LE(side() & 0xffff, random.pick([6, 8]));
    if (type === 'VP8L' && body.length > 5) body.writeUInt32LE(random.below(2 ** 31), 1);
  }
  return written(all);
};

const lengths: Damage = (bytes, random) => {
  bytes.writeUInt32LE(random.pick([0, 1, 4, bytes.length, 0x7fffffff, 0xffffffff]), random.pick([4, 16]));
  return bytes;
};

const reorder: Damage = (bytes, random) => {
  const all = chunks(bytes);
  const [one] = all.splice(random.below(all.length), 1);
  return written(random.below(3) === 0 ? all : [...all, one!, one!]);
};

const garbage: Damage = (bytes, random) =>
  written([
    canvas(160, 200, random.below(256)),
    ...['ALPH', 'ICCP', 'EXIF', 'XMP ', 'ANIM', 'abcd']
      .filter(() => random.below(2) === 0)
      .map((type) => ({ type, body: random.bytes(random.below(200)) })),
    ...chunks(bytes),
  ]);

/** An animation of very many frames, or of frames that lie outside it. */
const animation: Damage = (bytes, random) => {
  const picture = chunks(bytes).find(({ type }) => type.startsWith('VP8') && type !== 'VP8X');
  if (!picture) return bytes;
  const frame = Buffer.alloc(16);
  frame.writeUIntLE(random.pick([0, 1, 0xffffff]), 0, 3);
  frame.writeUIntLE(random.pick([159, 0, 0xffffff]), 6, 3);
  frame.writeUIntLE(random.pick([199, 0, 0xffffff]), 9, 3);
  const body = Buffer.concat([frame, riffChunk(picture.type, picture.body)]);
  const times = random.pick([1, 100, Math.ceil(4e6 / body.length)]);
  return written([
    canvas(160, 200, 0x02),
    { type: 'ANIM', body: Buffer.alloc(6) },
    ...Array<Chunk>(times).fill({ type: 'ANMF', body }),
  ]);
};

/** A file inside a file inside a file. */
const nested: Damage = (bytes, random) => {
  let inner = bytes;
  for (let depth = 1 + random.below(50); depth > 0; depth--)
    inner = written([canvas(160, 200, 0x02), { type: 'ANMF', body: Buffer.concat([Buffer.alloc(16), inner]) }]);
  return inner;
};

export const WEBP: readonly Damage[] = [size, size, lengths, reorder, garbage, animation, nested];
