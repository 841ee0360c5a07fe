import type { DetectionResult } from '@facequeue/schema';
import { type FaceDetails, roundedFace, roundedSearched } from '@facequeue/schema/result-codec';
import type { DetectedFace, Detection } from './detection.ts';

/**
 * The public form of a detection: boxes as fractions of the image, points in whole pixels, `male` or `female`.
 * @example
 * const detection = await pipeline.detect(bytes, DEFAULT_DETECTION_OPTIONS);
 * renderResult(detection).Faces[0]?.BoundingBox;
 */
export function renderResult({
  faces,
  image,
  model,
  searched,
}: Pick<Detection, 'faces' | 'image' | 'model' | 'searched'>): DetectionResult {
  return {
    Faces: faces.map((face) =>
      roundedFace({
        box: face.box,
        confidence: face.confidence,
        points: face.landmarks,
        attributes: face.attributes,
        details: detailsOf(face),
        image,
      }),
    ),
    FaceModelVersion: model.version,
    ...(searched && { searched: roundedSearched(searched) }),
  };
}

function detailsOf({ points5, presence, attributes, pose, light }: DetectedFace): FaceDetails | undefined {
  return pose && light && { points5, presence, male: attributes?.male, pose, ...light };
}
