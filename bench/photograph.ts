import { readFileSync } from 'node:fs';
import sharp from 'sharp';

const image = (name: string) => readFileSync(new URL(`../test/images/${name}`, import.meta.url));

/**
 * A 1920x1080 JPEG of quality 90 with one face about 240 px wide: a portrait before a picture without faces,
 * so that decoding costs what it costs for a photograph.
 */
export async function photograph(): Promise<Buffer> {
  const person = await sharp(image('portrait-1.jpg')).resize({ height: 1080 }).toBuffer();
  return sharp(image('no-face-coffee.png'))
    .resize(1920, 1080, { fit: 'cover' })
    .composite([{ input: person, gravity: 'east' }])
    .jpeg({ quality: 90 })
    .toBuffer();
}
