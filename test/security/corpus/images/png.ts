/** Damage that only a PNG can have; checksums are right, so that it is not refused for them. */
import { deflateSync } from 'node:zlib';
import { ihdr, pngChunk } from '../../../support/fixtures/png.ts';
import type { Damage } from './any.ts';

interface Chunk {
  type: string;
  body: Buffer;
}

function chunks(bytes: Buffer): Chunk[] {
  const found: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return found;
}

const file = (bytes: Buffer, parts: Buffer[]) => Buffer.concat([bytes.subarray(0, 8), ...parts]);
const written = (all: Chunk[]) => all.map(({ type, body }) => pngChunk(type, body));
/** Puts chunks between the header and the rest. */
const after = (bytes: Buffer, ...more: Buffer[]) => {
  const [head, ...rest] = written(chunks(bytes));
  return file(bytes, [head!, ...more, ...rest]);
};

const header: Damage = (bytes, random) => {
  const [head, ...rest] = chunks(bytes);
  const side = () => random.pick([0, 1, 4096, 4097, 8192, 8193, 65_535, 0x7fffffff, 0xffffffff]);
  const body = Buffer.from(head!.body);
  random.pick([
    () => body.writeUInt32BE(side(), 0),
    () => body.writeUInt32BE(side(), 4),
    () => (body[8] = random.pick([0, 1, 2, 3, 4, 8, 16, 32, 255])),
    () => (body[9] = random.pick([0, 1, 2, 3, 4, 5, 6, 7, 255])),
    () => (body[12] = random.pick([0, 1, 2])),
    () => (body[random.pick([10, 11])] = 1),
  ])();
  return file(bytes, written([{ type: 'IHDR', body }, ...rest]));
};

/** Much from little: 16 MB in 16 kB, as the picture, or as text, profile or metadata beside it. */
const bomb: Damage = (bytes, random) => {
  const data = deflateSync(Buffer.alloc(16e6), { level: 9 });
  const named = (name: string) => Buffer.concat([Buffer.from(`${name}\0\0`, 'latin1'), data]);
  return random.pick([
    () => after(bytes, pngChunk('zTXt', named('Comment'))),
    () => after(bytes, pngChunk('iCCP', named('profile'))),
    () => after(bytes, pngChunk('iTXt', Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\x01\0\0\0', 'latin1'), data]))),
    () => after(bytes, ...Array<Buffer>(20).fill(pngChunk('zTXt', named('Comment')))),
    // The largest picture that is accepted, and all of it the same.
    () =>
      file(bytes, [
        ihdr(8192, 6103, 8, 0),
        pngChunk('IDAT', deflateSync(Buffer.alloc(8193 * 6103))),
        pngChunk('IEND', Buffer.alloc(0)),
      ]),
    // More data than its size says.
    () => file(bytes, [ihdr(8, 8, 8, 0), pngChunk('IDAT', data), pngChunk('IEND', Buffer.alloc(0))]),
  ])();
};

const many: Damage = (bytes, random) => {
  const chunk = random.pick([
    pngChunk('tEXt', Buffer.from('a\0b')),
    pngChunk('PLTE', Buffer.alloc(768)),
    pngChunk('IDAT', Buffer.alloc(0)),
    pngChunk('eXIf', Buffer.from('II*\0\x08\0\0\0', 'latin1')),
    pngChunk('abCd', random.bytes(4)),
  ]);
  return after(bytes, ...Array<Buffer>(random.pick([2, 100, 70_000])).fill(chunk));
};

const palette: Damage = (bytes, random) =>
  after(
    bytes,
    pngChunk('PLTE', random.bytes(random.pick([0, 1, 3, 768, 771]))),
    pngChunk('tRNS', random.bytes(random.pick([0, 1, 6, 256, 257]))),
  );

const reorder: Damage = (bytes, random) => {
  const all = chunks(bytes);
  const [one] = all.splice(random.below(all.length), 1);
  all.splice(random.below(all.length + 1), 0, one!);
  return file(bytes, written(all));
};

/** Frames of an animation (APNG) that lie outside it, or are not there. */
const animation: Damage = (bytes, random) => {
  const control = Buffer.alloc(8);
  control.writeUInt32BE(random.pick([0, 1, 2, 0xffffffff]), 0);
  const frame = Buffer.alloc(26);
  for (const at of [0, 4, 8, 12, 16]) frame.writeUInt32BE(random.pick([0, 1, 160, 0x7fffffff]), at);
  return after(bytes, pngChunk('acTL', control), pngChunk('fcTL', frame), pngChunk('fdAT', random.bytes(20)));
};

const data: Damage = (bytes, random) => {
  const all = chunks(bytes).map(({ type, body }) => ({ type, body: Buffer.from(body) }));
  const { body } = random.pick(all.filter(({ type }) => type === 'IDAT'));
  if (body.length > 0)
    for (let count = 1 + random.below(8); count > 0; count--) body[random.below(body.length)] = random.below(256);
  return file(bytes, written(all));
};

export const PNG: readonly Damage[] = [header, header, bomb, many, palette, reorder, animation, data];
