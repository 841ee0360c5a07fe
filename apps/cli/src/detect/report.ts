import type { Detection } from '@facequeue/pipeline';
import { type DetectionResult, type FacequeueError, toProblem } from '@facequeue/schema';
import type { Input } from './inputs.ts';

/** Formats results; every text ends with a newline. */
export interface Report {
  found(input: Input, detection: Detection, result: DetectionResult): string;
  failed(input: Input, error: FacequeueError): string;
}

/** For a single image: the body of the API's response. */
export const bareJson: Report = {
  found: (_, __, result) => line(result),
  failed: (_, error) => line(toProblem(error.code, error.message)),
};

/** For several images: a line each, the body of the API's response with the file first. */
export const jsonLines: Report = {
  found: ({ label }, _, result) => line({ file: label, ...result }),
  failed: ({ label }, error) => line({ file: label, error: toProblem(error.code, error.message) }),
};

const line = (value: unknown) => `${JSON.stringify(value)}\n`;

/** For people: a heading for each image, a row for each face, boxes in px of the upright image. */
export const table: Report = {
  found({ label }, { image, faces, timings }, { Faces, searched }) {
    const took = Object.values(timings).reduce((sum, ms) => sum + ms, 0);
    const count = `${faces.length} ${faces.length === 1 ? 'face' : 'faces'}`;
    const heading = `${label}: ${count} (${image.width}x${image.height} ${image.format}, ${took.toFixed(0)} ms${searched ? `, searched down to ${searched.smallest_face_px} px` : ''})\n`;
    if (!faces.length) return heading;
    const rows = Faces.map(({ Confidence, gender, age, pose, quality }, i) => {
      const { x, y, width, height } = faces[i]!.box;
      const place = [x, y, width, height].map((value) => value.toFixed(0));
      return [
        String(i + 1),
        Confidence.toFixed(4),
        ...place,
        ...(gender ? [gender, String(age)] : []),
        ...(pose ? [pose.roll, pose.yaw, pose.pitch].map((angle) => angle.toFixed(0)) : []),
        ...(quality ? [quality.sharpness, quality.brightness].map((value) => value.toFixed(0)) : []),
      ];
    });
    const titles = [
      ...['#', 'confidence', 'left', 'top', 'width', 'height'],
      ...(Faces[0]!.gender ? ['gender', 'age'] : []),
      ...(Faces[0]!.pose ? ['roll', 'yaw', 'pitch', 'sharpness', 'brightness'] : []),
    ];
    return heading + columns([titles, ...rows]);
  },
  failed: ({ label }, error) => `${label}: ${error.code}: ${error.message}\n`,
};

/** Rows as right-aligned columns. */
function columns(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padStart(widths[column]!)).join('  ')}\n`).join('');
}
