/** The pictures of a device's trial: JPEGs of the sizes, and with the numbers of faces, that a service gets from cameras and phones. */
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';

/** A face of 91 x 110 px in 224 x 256 px: part of test/images/astronaut.png, a NASA photograph in the public domain. */
const FACE = new URL('./trial-face.jpg', import.meta.url);

/** Size of each picture, how many faces it has, and how wide the pasted photograph of each is, px. */
const PICTURES = [
  { width: 640, height: 480, faces: 1, paste: 200 },
  { width: 1920, height: 1080, faces: 1, paste: 500 },
  { width: 1920, height: 1080, faces: 4, paste: 300 },
  { width: 4000, height: 3000, faces: 2, paste: 900 },
] as const;

/** Side of the spots of the surface around the faces, px. They compress like a photograph. */
const SPOT = 6;

/** Makes the pictures, as JPEG files. */
export async function trialPictures(): Promise<Uint8Array[]> {
  const photograph = await readFile(FACE);
  return await Promise.all(
    PICTURES.map(async ({ width, height, faces, paste }) => {
      const face = await sharp(photograph).resize(paste).toBuffer();
      const step = Math.floor(width / faces);
      const top = Math.floor(height / 8);
      const overlays = Array.from({ length: faces }, (_, i) => ({
        input: face,
        left: i * step + Math.floor((step - paste) / 2),
        top,
      }));
      return new Uint8Array(await (await surface(width, height)).composite(overlays).jpeg().toBuffer());
    }),
  );
}

/** A spotted surface. */
async function surface(width: number, height: number) {
  const spots = await sharp({
    create: {
      width: Math.ceil(width / SPOT),
      height: Math.ceil(height / SPOT),
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
    },
  })
    .png()
    .toBuffer();
  return sharp(spots).resize(width, height, { fit: 'fill' });
}
