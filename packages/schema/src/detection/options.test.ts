import { describe, expect, it } from 'vitest';
import { pairwise } from '../../../../test/support/pairwise.ts';
import { BatchBody, BatchQuery, batchCall, readBatchQuery } from '../batch/request.ts';
import { FrameQuery, readFrameQuery } from '../camera/request.ts';
import { openApiDocument } from '../openapi/document.ts';
import {
  type CallerOptions,
  DEFAULT_DETECTION_OPTIONS,
  DETECTION_FLAGS,
  DetectionOptions,
  detectionQueryFields,
} from './options.ts';
import { DetectionQuery, readDetectionQuery } from './request.ts';

const names = [...new Set(DETECTION_FLAGS.map(({ option }) => option))];

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

describe('any two detection options together', () => {
  const values = {
    profile: [undefined, 'fast', 'small-faces'],
    max_faces: [undefined, 1, 10_000],
    min_confidence: [undefined, 0.1, 1],
    min_face_size: [undefined, 0, 16_384],
    landmarks: [undefined, true, false, 'refined'],
    attributes: [undefined, true, false],
    rotate: [undefined, 'none', 'auto'],
    detail: [undefined, true, false],
  } satisfies { [Name in keyof Required<CallerOptions>]: CallerOptions[Name][] };
  const rows = pairwise<CallerOptions>(values).map((row) => {
    const given = Object.entries(row).filter(([, value]) => value !== undefined);
    return {
      given,
      json: Object.fromEntries(given),
      query: new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])),
    };
  });
  const filled = (json: object) => ({
    ...{ profile: 'balanced', landmarks: true, attributes: true, orient: true },
    ...json,
  });

  it('mean the same in the query of a call, a frame and a batch, and in the body of a batch', () => {
    for (const { json, query } of rows) {
      expect(DetectionOptions.parse(json)).toEqual(filled(json));
      expect(readDetectionQuery(query).options).toEqual(filled(json));
      expect(readFrameQuery(query).options).toEqual(filled(json));
      expect(batchCall(readBatchQuery(query)).options).toEqual(filled(json));
      expect(batchCall({}, { items: [], options: json }).options).toEqual(filled(json));
    }
  });

  it('mean the same on the command line', () => {
    for (const { given, json } of rows) {
      const parsed = given.flatMap(([option, value]) => {
        // A flag without a value is there for one value only, and there may be none for what is so anyway.
        const flag = DETECTION_FLAGS.find((one) => one.option === option && (one.value ?? one.parse('') === value));
        return [[option, flag ? flag.parse(String(value)) : value]];
      });
      expect(DetectionOptions.parse(Object.fromEntries(parsed))).toEqual(filled(json));
    }
  });

  it('may be split between the query and the body of a batch, none in both', () => {
    for (const { given, json, query } of rows)
      for (let cut = 0; cut <= given.length; cut++) {
        const inQuery = readBatchQuery(new URLSearchParams([...query].slice(0, cut)));
        const options = Object.fromEntries(given.slice(cut));
        expect(batchCall(inQuery, { items: [], options }).options).toEqual(filled(json));
        if (cut === 0) continue;
        const [name] = given[cut - 1]!;
        expect(() => batchCall(inQuery, { items: [], options: { [name]: json[name] } })).toThrow(
          `${name} is given in the query and in the body`,
        );
      }
  });
});

describe('a detection option', () => {
  it.each([
    ['max_faces', ['1', '10000', '00001'], ['0', '10001', '100000', '-1', '1.0', '1e3', '', ' 1']],
    ['min_confidence', ['0.1', '.1', '1', '1.0'], ['0.09', '1.01', '-0.5', '0,5', '1.', '5e-1', '', 'NaN']],
    ['min_face_size', ['0', '0.5', '16384'], ['-0.1', '16384.1', 'Infinity', '']],
    ['landmarks', ['true', 'false', 'refined'], ['1', '0', 'yes', 'TRUE', 'Refined', '']],
    ['attributes', ['true', 'false'], ['1', '']],
    ['detail', ['true', 'false'], ['1', 'all', '']],
    ['profile', ['fast', 'balanced', 'small-faces'], ['Fast', 'slow', '']],
  ])('%s in a query may be %j and not %j', (name, good, bad) => {
    for (const text of good)
      expect(readDetectionQuery(new URLSearchParams({ [name]: text })).options, text).toHaveProperty(
        name,
        { true: true, false: false }[text] ?? (/[a-z]/.test(text) ? text : Number(text)),
      );
    for (const text of bad)
      expect(() => readDetectionQuery(new URLSearchParams({ [name]: text })), text).toThrow(
        expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(`option ${name}: `) }),
      );
  });

  it.each([
    ['max_faces', [1, 10_000], [0, 10_001, 1.5, '5', null]],
    ['min_confidence', [0.1, 1], [0.0999, 1.0001, Number.NaN, '0.5']],
    ['min_face_size', [0, 16_384, 0.25], [-0.01, 16_384.01, Number.POSITIVE_INFINITY]],
    ['landmarks', [true, false, 'refined'], ['true', 1, null]],
    ['detail', [true, false], ['true', 1, null]],
    ['profile', ['fast'], ['Fast', null]],
    ['orient', [true, false], ['true']],
  ])('%s in JSON may be %j and not %j', (name, good, bad) => {
    for (const value of good) expect(DetectionOptions.parse({ [name]: value })).toHaveProperty(name, value);
    for (const value of bad) expect(DetectionOptions.safeParse({ [name]: value }).success, String(value)).toBe(false);
  });

  it('that callers may not set, or that does not exist, is refused', () => {
    for (const text of ['orient=false', 'max_face=1', 'max_faces=1&max_faces=1'])
      expect(() => readDetectionQuery(new URLSearchParams(text)), text).toThrow(/^(unknown option|option max_faces)/);
    expect(DetectionOptions.safeParse({ max_face: 1 }).success).toBe(false);
  });
});

describe('a flag of the command line', () => {
  const flag = (name: string) => DETECTION_FLAGS.find((one) => one.name === name)!;

  it('has the name of its option, or no-NAME when it omits a part of the result; some options have both', () => {
    expect(flag('max-faces')).toMatchObject({ option: 'max_faces', value: 'N' });
    expect(flag('no-landmarks')).toMatchObject({ option: 'landmarks', value: null });
    expect(flag('detail')).toMatchObject({ option: 'detail', value: null });
    expect(flag('detail').parse('')).toBe(true);
    expect(flag('landmarks')).toMatchObject({ option: 'landmarks', value: 'KIND' });
    for (const [text, value] of Object.entries({ true: true, false: false, refined: 'refined', other: 'other' }))
      expect(flag('landmarks').parse(text)).toBe(value);
  });

  it('parses into the value of the JSON form', () => {
    const parsed = { max_faces: flag('max-faces').parse('5'), landmarks: flag('no-landmarks').parse('') };
    expect(DetectionOptions.parse(parsed)).toEqual({ ...DEFAULT_DETECTION_OPTIONS, max_faces: 5, landmarks: false });
    for (const text of ['', ' ', 'many']) expect(flag('min-confidence').parse(text)).toBeNaN();
  });
});
