import type { DetectionResult } from '@facequeue/schema';
import { roundedFace } from '@facequeue/schema/result-codec';
import type { Detection } from './detection.ts';

/**
 * The public form of a detection: boxes as fractions of the image, points in whole pixels, `male` or `female`.
 * @example
 * const detection = await pipeline.detect(bytes, DEFAULT_DETECTION_OPTIONS);
 * renderResult(detection).Faces[0]?.BoundingBox;
 */
export function renderResult({ faces, image, model }: Pick<Detection, 'faces' | 'image' | 'model'>): DetectionResult {
  return {
    Faces: faces.map((face) =>
      roundedFace({
        box: face.box,
        confidence: face.confidence,
        points: face.landmarks,
        attributes: face.attributes,
        image,
      }),
    ),
    FaceModelVersion: model.version,
  };
}
