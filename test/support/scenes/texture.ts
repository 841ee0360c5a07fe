/** Surfaces without a face, painted from a seed: what a camera sees when nobody is there. */
import type { Picture } from '../fixtures/index.ts';
import { between, integer, type Random, randomFrom } from '../random.ts';

/** A colour, 0..255 each. */
type Colour = readonly [r: number, g: number, b: number];
/** The colour at a place; x and y in units of which the picture is 1280 wide, so that larger pictures show the same in more pixels. */
type Surface = (x: number, y: number) => Colour;

/** Kinds of surfaces; each makes one by chance. */
const KINDS = {
  wall(random) {
    const [red, green, blue] = [between(random, 90, 160), between(random, 90, 160), between(random, 90, 160)];
    const stain = noise(random);
    return (x, y) => shaded([red, green, blue], 0.8 + 0.2 * stain(x / 400, y / 400) + y / 4000);
  },
  clouds(random) {
    const cloud = fractal(random, 5);
    return (x, y) => mixed([90, 130, 200], [240, 240, 245], clamp(2.4 * cloud(x / 260, y / 180) - 0.8));
  },
  foliage(random) {
    const leaves = fractal(random, 4);
    const light = noise(random);
    return (x, y) => {
      const leaf = leaves(x / 24, y / 24);
      return shaded([60 + 90 * leaf, 90 + 90 * leaf, 40 + 30 * leaf], 0.35 + 1.1 * leaf * light(x / 150, y / 150));
    };
  },
  bricks(random) {
    const [width, height] = [integer(random, 30, 50), integer(random, 12, 20)];
    const grain = fractal(random, 3);
    const tone = cells(random);
    return (x, y) => {
      const row = Math.floor(y / height);
      const shifted = x + (row % 2) * (width / 2);
      const joint = shifted % width < 2 || y % height < 2;
      const light = 0.75 + 0.4 * grain(x / 12, y / 12);
      return joint ? shaded([180, 175, 165], light) : shaded([150, 75, 60], light + 0.3 * tone(shifted / width, row));
    };
  },
  windows(random) {
    const [width, height] = [integer(random, 36, 60), integer(random, 44, 70)];
    const lit = cells(random);
    const plaster = fractal(random, 3);
    return (x, y) => {
      const [u, v] = [(x % width) / width, (y % height) / height];
      const light = lit(x / width, y / height);
      if (u < 0.25 || u > 0.75 || v < 0.2 || v > 0.8)
        return shaded([190, 180, 165], 0.7 + 0.3 * plaster(x / 60, y / 60));
      if (Math.abs(u - 0.5) < 0.02 || Math.abs(v - 0.45) < 0.02) return [225, 225, 220];
      return light > 0.7 ? [235, 205, 140] : shaded([60, 75, 95], 0.6 + light);
    };
  },
  /** Rounded stones in the tones of skin, lit from above: the hardest of these surfaces for a face detector. */
  pebbles(random) {
    const size = between(random, 16, 48);
    const stone = stones(random);
    const spots = fractal(random, 2);
    return (x, y) => {
      const { distance, tone, above } = stone(x / size, y / size);
      const light = (0.6 + 0.7 * tone) * (1 - 0.9 * distance * distance) * (0.85 + 0.3 * above);
      return shaded([205, 165, 140], light * (0.8 + 0.3 * spots(x / 6, y / 6)));
    };
  },
  stripes(random) {
    const [width, slope] = [between(random, 10, 40), between(random, -0.6, 0.6)];
    const fold = noise(random);
    return (x, y) => {
      const at = (x + slope * y) / width + 0.5 * fold(x / 120, y / 120);
      return shaded(
        at - 2 * Math.floor(at / 2) < 1 ? [190, 60, 50] : [230, 225, 215],
        0.7 + 0.4 * fold(y / 90, x / 90),
      );
    };
  },
  wood(random) {
    const warp = fractal(random, 3);
    return (x, y) => {
      const knot = 6 * warp(x / 300, y / 60);
      return mixed([110, 70, 40], [190, 140, 90], 0.5 + 0.5 * Math.sin(y / 7 + 6 * knot));
    };
  },
  gravel(random) {
    const grain = fractal(random, 6);
    return (x, y) => shaded([150, 145, 135], 0.3 + 1.2 * grain(x / 9, y / 9));
  },
  water(random) {
    const wave = fractal(random, 4);
    return (x, y) => {
      const glint = wave(x / 60, y / 12);
      return mixed([30, 60, 80], [200, 215, 220], clamp(3 * glint - 1.2));
    };
  },
} satisfies Record<string, (random: Random) => Surface>;

export type TextureKind = keyof typeof KINDS;
export const TEXTURE_KINDS = Object.keys(KINDS) as TextureKind[];

/** A camera's noise: the mean difference of neighbouring pixels of one colour is near this. */
const GRAIN = 5;

/** A picture filled with one surface; the same for the same seed. */
export function texture(kind: TextureKind, width: number, height: number, seed: number): Picture {
  const random = randomFrom(seed * 7919 + TEXTURE_KINDS.indexOf(kind));
  const surface = KINDS[kind](random);
  const grain = Float32Array.from({ length: 8191 }, () => GRAIN * (random() + random() - 1));
  const unit = 1280 / width;
  const data = new Uint8ClampedArray(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = surface(x * unit, y * unit);
      // The length is a prime that no width is a multiple of, so the noise does not repeat in columns.
      data[at] = red + grain[at % 8191]!;
      data[at + 1] = green + grain[(at + 1) % 8191]!;
      data[at + 2] = blue + grain[(at + 2) % 8191]!;
      at += 3;
    }
  }
  return { data: new Uint8Array(data.buffer), width, height };
}

const clamp = (value: number) => Math.min(1, Math.max(0, value));
const shaded = ([r, g, b]: Colour, light: number): Colour => [r * light, g * light, b * light];
const mixed = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + share * (b[0] - a[0]),
  a[1] + share * (b[1] - a[1]),
  a[2] + share * (b[2] - a[2]),
];

/** Side of the tables of chance; they repeat. A power of two. */
const TABLE = 256;

/** A value from 0 to 1 for each cell of a grid of squares of side 1. */
function cells(random: Random) {
  const values = Float32Array.from({ length: TABLE * TABLE }, random);
  return (x: number, y: number) => values[(Math.floor(y) & (TABLE - 1)) * TABLE + (Math.floor(x) & (TABLE - 1))]!;
}

/** Value noise: chance at the corners of squares of side 1, smooth in between; 0 to 1. */
function noise(random: Random) {
  const value = cells(random);
  return (x: number, y: number) => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [u, v] = [smooth(x - left), smooth(y - top)];
    const upper = value(left, top) * (1 - u) + value(left + 1, top) * u;
    const lower = value(left, top + 1) * (1 - u) + value(left + 1, top + 1) * u;
    return upper * (1 - v) + lower * v;
  };
}

const smooth = (t: number) => t * t * (3 - 2 * t);

/** Noise with finer noise on it, each octave half as strong; 0 to 1. */
function fractal(random: Random, octaves: number) {
  const value = noise(random);
  const whole = 2 - 2 ** (1 - octaves);
  return (x: number, y: number) => {
    let sum = 0;
    for (let octave = 0, scale = 1; octave < octaves; octave++, scale *= 2)
      sum += value(x * scale + 17 * octave, y * scale + 31 * octave) / scale;
    return sum / whole;
  };
}

/** Steven Worley's cellular noise: a stone in each square of side 1. `distance` is 0 in its middle and 1 between stones. */
function stones(random: Random) {
  const [shiftX, shiftY, tone] = [cells(random), cells(random), cells(random)];
  return (x: number, y: number) => {
    let nearest = Number.POSITIVE_INFINITY;
    let [stoneX, stoneY, above] = [0, 0, 0];
    for (let row = Math.floor(y) - 1; row <= Math.floor(y) + 1; row++) {
      for (let column = Math.floor(x) - 1; column <= Math.floor(x) + 1; column++) {
        const dx = x - column - 0.2 - 0.6 * shiftX(column, row);
        const dy = y - row - 0.2 - 0.6 * shiftY(column, row);
        // Taller than wide, as heads are.
        const distance = dx * dx + 0.6 * dy * dy;
        if (distance >= nearest) continue;
        nearest = distance;
        [stoneX, stoneY, above] = [column, row, -dy];
      }
    }
    return { distance: Math.min(1, Math.sqrt(nearest) / 0.7), tone: tone(stoneX, stoneY), above };
  };
}
