/**
 * The record of a camera: a Redis hash.
 * createdAt keep lastFrameAt lastResultAt lastJob postedRate processedRate turns ended resultBytes blobBytes
 * posted waiting processing succeeded failed superseded expired canceled. `turns` counts its lane tokens (lane/lib.lua).
 * laneFlow: whose turns its waiting frames count in, unless that is its owner (flow/lib.lua). resultFlow: whose results its own are, and
 * resultEpoch (flow/results-lib.lua).
 */
import type { ErrorCode, ImageFacts, Timings } from '@facequeue/schema';
import { cameraOf } from '../job/record.ts';
import { rateFrom } from '../limits/rate.ts';
import { fieldsOf } from '../redis/fields.ts';
import { numberOf, type StreamEntry } from '../redis/stream-page.ts';
import type { CameraRecord, FrameResult } from './camera.ts';

/**
 * @param name "<owner>/<camera>"
 * @param fields the hash as `HGETALL` returns it
 * @param now Unix milliseconds of Redis' clock
 * @returns null for no camera
 */
export function cameraFrom(name: string, fields: Record<string, string>, now: number): CameraRecord | null {
  if (!fields['createdAt']) return null;
  const number = (field: string) => Number(fields[field]);
  return {
    camera: cameraOf(name),
    createdAt: number('createdAt'),
    keep: fields['keep'] as CameraRecord['keep'],
    lastFrameAt: number('lastFrameAt'),
    lastResultAt: fields['lastResultAt'] ? number('lastResultAt') : null,
    lastJobId: fields['lastJob']!,
    postedRate: rateFrom(fields['postedRate'], now),
    processedRate: rateFrom(fields['processedRate'], now),
    counts: {
      posted: number('posted'),
      waiting: number('waiting'),
      processing: number('processing'),
      succeeded: number('succeeded'),
      failed: number('failed'),
      superseded: number('superseded'),
      expired: number('expired'),
      canceled: number('canceled'),
    },
  };
}

/** @param entry an entry of the results as `XRANGE` returns it; see end_frame in camera/lib.lua */
export function frameResultFrom([id, pairs]: StreamEntry): FrameResult {
  const fields = fieldsOf(pairs);
  const text = (name: string) => fields[name]?.toString() ?? '';
  const time = (name: string) => (fields[name] ? Number(text(name)) : null);
  const code = text('c');
  return {
    cursor: numberOf(id),
    jobId: text('j'),
    status: text('s') as FrameResult['status'],
    takenAt: time('k'),
    arrivedAt: Number(text('b')),
    startedAt: time('a'),
    finishedAt: Number(text('t')),
    error: code ? { code: code as ErrorCode, detail: text('d') } : null,
    image: fields['f'] ? (JSON.parse(text('f')) as ImageFacts) : null,
    timings: fields['m'] ? (JSON.parse(text('m')) as Timings) : {},
    result: fields['r'] ?? null,
    ...(fields['x'] && { details: fields['x'] }),
  };
}
