import type { LabelledScene } from './scenes.ts';

/** The faces of scenes as COCO JSON: a list of images, a list of boxes (left, top, width, height in px), one category. */
export function cocoJson(scenes: readonly Pick<LabelledScene, 'name' | 'width' | 'height' | 'boxes'>[]): string {
  const images = scenes.map(({ name, width, height }, i) => ({ id: i + 1, file_name: name, width, height }));
  const annotations = scenes.flatMap(({ boxes }, i) =>
    boxes.map(({ x, y, width, height }) => ({
      image_id: i + 1,
      category_id: 1,
      bbox: [x, y, width, height],
      area: width * height,
      iscrowd: 0,
    })),
  );
  return JSON.stringify({
    images,
    annotations: annotations.map((annotation, i) => ({ id: i + 1, ...annotation })),
    categories: [{ id: 1, name: 'face' }],
  });
}
