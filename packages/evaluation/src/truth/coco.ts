/** COCO JSON: images, and boxes with the id of their image. */
import { z } from 'zod';
import { TruthError } from './errors.ts';
import { staysInside, type TruthImage } from './images.ts';
import { readJson } from './json.ts';

const id = z.union([z.int(), z.string()]);

const Coco = z.looseObject({
  images: z
    .array(
      z.looseObject({
        id,
        file_name: z.string().refine(staysInside, { error: 'leaves the folder of the images' }),
        width: z.number().positive().optional(),
        height: z.number().positive().optional(),
      }),
    )
    .min(1),
  annotations: z.array(
    z.looseObject({
      image_id: id,
      category_id: id.optional(),
      /** Left, top, width, height, px. */
      bbox: z.tuple([z.number(), z.number(), z.number().nonnegative(), z.number().nonnegative()]),
      /** The box holds a crowd that is not labelled one by one. */
      iscrowd: z.union([z.literal(0), z.literal(1), z.boolean()]).optional(),
      ignore: z.union([z.literal(0), z.literal(1), z.boolean()]).optional(),
    }),
  ),
  categories: z.array(z.looseObject({ id, name: z.string() })).optional(),
});

/**
 * The images and their labelled faces. Only categories named `face` are read; if there is none of that name, all are.
 * @throws TruthError with the line or the path in the document
 */
export function parseCoco(text: string): TruthImage[] {
  const { images, annotations, categories = [] } = readJson(text, Coco);
  const faceCategories = new Set(categories.filter(({ name }) => name.toLowerCase() === 'face').map(({ id }) => id));
  const byId = new Map<string | number, TruthImage>();
  for (const [index, { id, file_name, width, height }] of images.entries()) {
    if (byId.has(id)) throw new TruthError(`images[${index}].id: ${id} is the id of two images`);
    const size = width !== undefined && height !== undefined ? { width, height } : undefined;
    byId.set(id, { file: file_name, faces: [], ...(size && { size }) });
  }
  for (const [index, { image_id, category_id, bbox, iscrowd, ignore }] of annotations.entries()) {
    const image = byId.get(image_id);
    if (!image) throw new TruthError(`annotations[${index}].image_id: no image has the id ${image_id}`);
    if (faceCategories.size && category_id !== undefined && !faceCategories.has(category_id)) continue;
    const [x, y, width, height] = bbox;
    image.faces.push({
      box: { x, y, width, height },
      ...(iscrowd && { crowd: true }),
      ...(ignore && { ignored: true }),
    });
  }
  return [...byId.values()];
}
