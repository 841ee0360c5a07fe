/** Hostile images: sound ones, broken in the ways in which decoders break. The same each time. */
import { type Random, seeded } from '../random.ts';
import { ANY, type Damage } from './any.ts';
import { BMP } from './bmp.ts';
import { JPEG } from './jpeg.ts';
import { PNG } from './png.ts';
import { type Format, type Seed, seeds } from './seeds.ts';
import { WEBP } from './webp.ts';

export interface HostileImage {
  /** Says how to make it again. */
  name: string;
  bytes: Buffer;
}

const OF_FORMAT: Record<Format, readonly Damage[]> = { jpeg: JPEG, png: PNG, webp: WEBP, bmp: BMP };

/** Larger than the largest image that is accepted is refused before it is looked at. */
const MOST_BYTES = 8e6;

/** @param first number of the first image */
export async function* hostileImages(count: number, seed: number, first = 0): AsyncGenerator<HostileImage> {
  const from = await seeds();
  for (let i = first; i < first + count; i++) {
    const random = seeded(seed * 1_000_003 + i);
    // Every seed as often as any other.
    const origin = from[i % from.length]!;
    yield { name: `image ${i} of seed ${seed}: ${origin.name}`, bytes: damaged(origin, random) };
  }
}

function damaged({ format, bytes }: Seed, random: Random): Buffer {
  const times = <T>(count: number, of: readonly T[]) => Array.from({ length: count }, () => random.pick(of));
  const steps =
    random.below(3) > 0
      ? // What knows the format needs a sound file.
        [random.pick(OF_FORMAT[format]), ...times(random.pick([0, 0, 1]), ANY)]
      : times(1 + random.below(3), ANY);
  let image = Buffer.from(bytes);
  for (const step of steps) {
    image = Buffer.from(step(image, random).subarray(0, MOST_BYTES));
    if (image.length === 0) image = Buffer.from(bytes.subarray(0, 16));
  }
  return image;
}
