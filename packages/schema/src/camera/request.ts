/** Requests about cameras: names, options and times. */
import { z } from 'zod';
import { DetectionOptions, detectionQueryFields } from '../detection/options.ts';
import { FacequeueError } from '../errors.ts';
import { queryNumber, readQuery } from '../http/query.ts';
import { CAMERA_NAME } from './resource.ts';

/** Shortest and longest `max_age`, s. A frame reaches a worker within milliseconds. */
export const MIN_MAX_AGE_S = 0.05;
export const MAX_MAX_AGE_S = 3600;

/** In `after` and `Last-Event-ID`: the oldest result that is kept. */
export const OLDEST = 'start';

export const KEEP = ['latest', 'all'] as const;

/** Query options of a frame, as strings. */
export const FrameQuery = z.strictObject({
  keep: z
    .enum(KEEP, { error: `expected one of ${KEEP.join(', ')}` })
    .optional()
    .meta({
      description: 'latest (when absent): supersedes pending frames of the camera; all: waits after them.',
    }),
  max_age: queryNumber(/^\d*\.?\d+$/, z.number().min(MIN_MAX_AGE_S).max(MAX_MAX_AGE_S), {
    type: 'number',
    minimum: MIN_MAX_AGE_S,
    maximum: MAX_MAX_AGE_S,
    description:
      'Seconds after its arrival until which a frame must have been started; otherwise it ends `expired`. When absent START_WITHIN (10 min).',
  }).optional(),
  ...detectionQueryFields,
});

/** A cursor of a camera's results: the id of their events. */
const cursor = z.string().regex(/^(?:start|\d{1,16})$/, `expected the id of an event, or ${OLDEST}`);

/** Query options of a camera's events, as strings. */
export const CameraEventsQuery = z.strictObject({
  after: cursor.optional().meta({
    description: `Starts after the event with this id; \`${OLDEST}\`: with the oldest that is kept. When absent, with new events. Last-Event-ID overrides it.`,
  }),
});

/** A path's `{camera}`. */
export const CameraPath = z.object({
  camera: z.string().regex(CAMERA_NAME).meta({ description: 'A name of your choice; its first frame creates it.' }),
});

/** The query of a frame, read. */
export interface FrameCall {
  keep: (typeof KEEP)[number];
  /** Undefined when the caller gives none. */
  maxAgeMs: number | undefined;
  options: DetectionOptions;
}

/** @throws FacequeueError invalid_request when `text` cannot name a camera */
export function readCameraName(text: unknown): string {
  if (typeof text === 'string' && CAMERA_NAME.test(text)) return text;
  throw new FacequeueError(
    'invalid_request',
    "a camera's name has 1 to 64 characters: letters, digits, dots, dashes and underscores, but not only dots",
  );
}

/**
 * Reads the query string of a frame.
 * @throws FacequeueError invalid_request naming the option that is unknown, given twice or has a bad value
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
 * @returns Unix milliseconds; null without the header
 * @throws FacequeueError invalid_request
 * @example
 * readFrameTime('2026-01-02T03:04:05Z'); // 1767323045000
 */
export function readFrameTime(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  const parsed = z.iso.datetime({ offset: true }).safeParse(header);
  if (parsed.success) return Date.parse(parsed.data);
  throw new FacequeueError('invalid_request', 'X-Frame-Time: expected a time such as 2026-01-02T03:04:05.678Z');
}

/**
 * Where a stream of a camera's events begins.
 * @param lastEventId the header; an empty one counts as absent
 * @returns the cursor after which it begins; '' for the oldest event that is kept; null for new events only
 * @throws FacequeueError invalid_request
 * @example
 * readEventsStart(new URLSearchParams('after=start'), undefined); // ''
 * readEventsStart(new URLSearchParams(), '1767322800143'); // '1767322800143'
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
