/** What calls of cameras bring: names, options and times. */
import { z } from 'zod';
import { CAMERA_NAME } from './camera.ts';
import { DetectionOptions } from './detection.ts';
import { FacequeueError } from './errors.ts';
import { queryNumber, readQuery } from './query.ts';
import { detectionFields } from './request.ts';

/** Shortest and longest time a frame may be given until it is started, s: a worker is told of a frame within milliseconds. */
export const MIN_MAX_AGE_S = 0.05;
export const MAX_MAX_AGE_S = 3600;

/** What `after` and `Last-Event-ID` say for the oldest result that is kept. */
export const OLDEST = 'start';

export const KEEP = ['latest', 'all'] as const;

/** Query options of a frame, as strings. */
export const FrameQuery = z.strictObject({
  keep: z
    .enum(KEEP, { error: `expected one of ${KEEP.join(', ')}` })
    .optional()
    .meta({
      description:
        'latest (when absent): frames of the camera that still wait are superseded; all: it waits behind them.',
    }),
  max_age: queryNumber(/^\d*\.?\d+$/, z.number().min(MIN_MAX_AGE_S).max(MAX_MAX_AGE_S), {
    type: 'number',
    minimum: MIN_MAX_AGE_S,
    maximum: MAX_MAX_AGE_S,
    description:
      'Seconds from its arrival after which a frame that has not been started ends `expired`. When absent START_WITHIN (10 min).',
  }).optional(),
  ...detectionFields,
});

/** A cursor of a camera's results, as their events name it. */
const cursor = z.string().regex(/^(?:start|\d{1,16})$/, `expected the id of an event, or ${OLDEST}`);

/** Query options of a camera's events, as strings. */
export const CameraEventsQuery = z.strictObject({
  after: cursor.optional().meta({
    description: `Begins behind the event of this id; \`${OLDEST}\`: with the oldest that is kept. When absent with what is new. Last-Event-ID goes before it.`,
  }),
});

/** A path's `{camera}`. */
export const CameraPath = z.object({
  camera: z.string().regex(CAMERA_NAME).meta({ description: 'A name of your own; it is there with its first frame.' }),
});

/** What a frame's query asks for. */
export interface FrameCall {
  keep: (typeof KEEP)[number];
  /** Undefined when the call does not say. */
  maxAgeMs: number | undefined;
  options: DetectionOptions;
}

/** @throws invalid_request when `text` is no name of a camera */
export function readCameraName(text: unknown): string {
  if (typeof text === 'string' && CAMERA_NAME.test(text)) return text;
  throw new FacequeueError(
    'invalid_request',
    "a camera's name has 1 to 64 characters: letters, digits, dot, dash and underscore; and not only dots",
  );
}

/**
 * Reads the query string of a frame.
 * @throws invalid_request naming the option: unknown, given twice, or with a bad value
 */
export function readFrameQuery(query: URLSearchParams): FrameCall {
  const { keep = 'latest', max_age, ...options } = readQuery(FrameQuery, query);
  return {
    keep,
    maxAgeMs: max_age === undefined ? undefined : Math.round(max_age * 1000),
    options: DetectionOptions.parse(options),
  };
}

/**
 * Reads `X-Frame-Time`: ISO 8601 with an offset or Z.
 * @returns Unix milliseconds; null when there is none
 * @throws invalid_request
 */
export function readFrameTime(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  const parsed = z.iso.datetime({ offset: true }).safeParse(header);
  if (parsed.success) return Date.parse(parsed.data);
  throw new FacequeueError('invalid_request', 'X-Frame-Time: expected a time such as 2026-01-02T03:04:05.678Z');
}

/**
 * Where a camera's events are to begin.
 * @param lastEventId the header; an empty one says nothing
 * @returns a cursor, '' for the oldest kept; null for what is new
 * @throws invalid_request
 */
export function readEventsStart(query: URLSearchParams, lastEventId: string | string[] | undefined): string | null {
  const { after } = readQuery(CameraEventsQuery, query);
  const start = lastEventId || after;
  if (start === undefined) return null;
  const parsed = cursor.safeParse(start);
  if (!parsed.success) {
    throw new FacequeueError('invalid_request', `Last-Event-ID: ${parsed.error.issues[0]!.message}`);
  }
  return parsed.data === OLDEST ? '' : parsed.data;
}
