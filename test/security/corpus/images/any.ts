/** Damage that knows nothing of the format. */
import type { Random } from '../random.ts';

export type Damage = (bytes: Buffer, random: Random) => Buffer;

/** Where headers are: a file that is broken there is broken in a more interesting way. */
const position = (bytes: Buffer, random: Random) =>
  random.below(2) === 0 ? random.below(Math.min(bytes.length, 256)) : random.below(bytes.length);

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let count = 1 + random.below(16); count > 0; count--) bytes[position(bytes, random)]! ^= 1 << random.below(8);
  return bytes;
}

/** Numbers at which arithmetic goes wrong. */
function setNumber(bytes: Buffer, random: Random): Buffer {
  const at = position(bytes, random);
  const value = random.pick([0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]);
  const number = Buffer.alloc(4);
  if (random.below(2) === 0) number.writeUInt32BE(value);
  else number.writeUInt32LE(value);
  number.copy(bytes, at);
  return bytes;
}

const cutOff: Damage = (bytes, random) => bytes.subarray(0, 1 + random.below(bytes.length));

const remove: Damage = (bytes, random) => {
  const at = position(bytes, random);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(64))]);
};

const insert: Damage = (bytes, random) => {
  const at = position(bytes, random);
  return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(64)), bytes.subarray(at)]);
};

/** The same part again and again. */
const repeat: Damage = (bytes, random) => {
  const at = position(bytes, random);
  const part = bytes.subarray(at, at + 1 + random.below(4096));
  const times = 1 + random.below(Math.min(500, Math.ceil(500_000 / part.length)));
  return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(times).fill(part), bytes.subarray(at)]);
};

function overwrite(bytes: Buffer, random: Random): Buffer {
  random.bytes(1 + random.below(512)).copy(bytes, position(bytes, random));
  return bytes;
}

/** A part of the file in another place of it. */
function move(bytes: Buffer, random: Random): Buffer {
  const from = position(bytes, random);
  bytes.copyWithin(position(bytes, random), from, from + 1 + random.below(1024));
  return bytes;
}

export const ANY: readonly Damage[] = [flipBits, setNumber, cutOff, remove, insert, repeat, overwrite, move];
