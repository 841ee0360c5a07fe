import { describe, expect, it } from 'vitest';
import { BatchBody, BatchQuery } from '../batch/request.ts';
import { FrameQuery } from '../camera/request.ts';
import { openApiDocument } from '../openapi/document.ts';
import { DEFAULT_DETECTION_OPTIONS, DETECTION_FLAGS, DetectionOptions, detectionQueryFields } from './options.ts';
import { DetectionQuery } from './request.ts';

const names = DETECTION_FLAGS.map(({ option }) => option);

describe('every detection option', () => {
  it('is accepted by detection calls, batches and frames', () => {
    for (const schema of [DetectionQuery, BatchQuery, FrameQuery, BatchBody.shape.options.unwrap()])
      expect(Object.keys(schema.shape)).toEqual(expect.arrayContaining(names));
    expect(Object.keys(detectionQueryFields)).toEqual(names);
  });

  it('is documented with a description in the OpenAPI document', () => {
    const { parameters } = openApiDocument().paths!['/face_detection']!.post!;
    for (const name of names)
      expect(parameters).toContainEqual(
        expect.objectContaining({
          name,
          in: 'query',
          schema: expect.objectContaining({ description: expect.any(String) }),
        }),
      );
  });
});

describe('a flag of the command line', () => {
  const flag = (name: string) => DETECTION_FLAGS.find((one) => one.name === name)!;

  it('has the name of its option, or no-NAME when it omits a part of the result', () => {
    expect(flag('max-faces')).toMatchObject({ option: 'max_faces', value: 'N' });
    expect(flag('no-landmarks')).toMatchObject({ option: 'landmarks', value: null });
  });

  it('parses into the value of the JSON form', () => {
    const parsed = { max_faces: flag('max-faces').parse('5'), landmarks: flag('no-landmarks').parse('') };
    expect(DetectionOptions.parse(parsed)).toEqual({ ...DEFAULT_DETECTION_OPTIONS, max_faces: 5, landmarks: false });
    for (const text of ['', ' ', 'many']) expect(flag('min-confidence').parse(text)).toBeNaN();
  });
});
