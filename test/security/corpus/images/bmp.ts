/** Damage that only a BMP can have: its header is all numbers. */
import type { Damage } from './any.ts';

const NUMBERS = [0, 1, 2, 12, 40, 124, 160, 4096, 4097, 8192, 8193, 0x7fffffff, 0x80000000, 0xffffffff];

const number =
  (at: number, size: 2 | 4): Damage =>
  (bytes, random) => {
    if (bytes.length >= at + 4) bytes.writeUIntLE(random.pick(NUMBERS) % 2 ** (size * 8), at, size);
    return bytes;
  };

export const BMP: readonly Damage[] = [
  number(10, 4), // where the picture begins
  number(14, 4), // length of the header
  number(18, 4), // width
  number(22, 4), // height, negative for top down
  number(26, 2), // planes
  number(28, 2), // bits a pixel
  number(30, 4), // compression
  number(46, 4), // colours
];
