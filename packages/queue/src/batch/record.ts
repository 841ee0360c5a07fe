/**
 * The record of a batch: a Redis hash.
 * state (building open running finished canceled) owner requestId options open createdAt lastAppend ttl turns
 * total queued processing succeeded failed canceled ended resultBytes rate, and once they are known closedAt finishedAt expiresAt.
 * moreOptions as a job's. resultEpoch: see flow/results-lib.lua. flow when it is not the owner; maxPending when its key has that limit.
 * `turns` counts its lane tokens (lane/lib.lua). stopped when it was canceled, erased when nobody can read it any more.
 * With a listing: listing (JSON) listStatus listLease listTries listState listCode listDetail. With an output: output, and the same
 * fields with write instead of list. With a webhook: the fields that a job's record has.
 */
import {
  type BatchStatus,
  type ErrorCode,
  type ImageFacts,
  optionsFrom,
  type TaskStatus,
  type Timings,
} from '@facequeue/schema';
import { rateFrom } from '../limits/rate.ts';
import { fieldsOf } from '../redis/fields.ts';
import { numberOf, type StreamEntry } from '../redis/stream-page.ts';
import { webhookFrom } from '../webhook/record.ts';
import type { BatchRecord, ItemResult, TaskState } from './batch.ts';

type State = BatchStatus | 'building';

/** Ends a second below which they say nothing about when a batch will end. */
const MIN_RATE = 0.01;

/**
 * @param fields the hash as `HGETALL` returns it
 * @param now Unix milliseconds of Redis' clock
 * @returns null for no batch, or an erased one
 */
export function batchFrom(id: string, fields: Record<string, Buffer>, now: number): BatchRecord | null {
  if (!fields['state'] || fields['erased']) return null;
  const text = (name: string) => fields[name]?.toString() ?? '';
  const number = (name: string) => Number(text(name));
  const time = (name: string) => (fields[name] ? number(name) : null);
  const counts = {
    total: number('total'),
    queued: number('queued'),
    processing: number('processing'),
    succeeded: number('succeeded'),
    failed: number('failed'),
    canceled: number('canceled'),
  };
  const finishedAt = time('finishedAt');
  const closedAt = time('closedAt');
  const left = counts.queued + counts.processing;
  const rate = rateFrom(fields['rate']?.toString(), now);
  return {
    id,
    owner: text('owner'),
    requestId: text('requestId'),
    status: statusOf(text('state') as State, text('open') === '1'),
    options: optionsFrom(text('options'), text('moreOptions')),
    createdAt: number('createdAt'),
    closedAt,
    finishedAt,
    expiresAt: time('expiresAt'),
    counts,
    rate,
    remainingMs: finishedAt !== null || rate < MIN_RATE ? null : Math.round((left / rate) * 1000),
    complete: closedAt !== null && counts.total === number('ended'),
    listing: fields['listing'] ? { ...JSON.parse(text('listing')), ...taskState(fields, 'list') } : null,
    output: fields['output'] ? { ...JSON.parse(text('output')), ...taskState(fields, 'write') } : null,
    webhook: webhookFrom(fields),
  };
}

/** A batch whose first items are still being appended has the status it will have then. */
function statusOf(state: State, open: boolean): BatchStatus {
  if (state !== 'building') return state;
  return open ? 'open' : 'running';
}

function taskState(fields: Record<string, Buffer>, kind: 'list' | 'write'): TaskState {
  const code = fields[`${kind}Code`];
  return {
    status: fields[`${kind}Status`]!.toString() as TaskStatus,
    error: code ? { code: code.toString() as ErrorCode, detail: fields[`${kind}Detail`]!.toString() } : null,
  };
}

/** @param entry an entry of the results as `XRANGE` returns it; see list_result in batch/lib.lua */
export function itemResultFrom([id, pairs]: StreamEntry): ItemResult {
  const fields = fieldsOf(pairs);
  const text = (name: string) => fields[name]?.toString() ?? '';
  const code = text('c');
  return {
    cursor: numberOf(id),
    name: text('i'),
    line: fields['l'] ? Number(text('l')) : null,
    jobId: text('j'),
    status: text('s') as ItemResult['status'],
    finishedAt: Number(text('t')),
    attempts: Number(text('a')),
    error: code ? { code: code as ErrorCode, detail: text('d') } : null,
    image: fields['f'] ? (JSON.parse(text('f')) as ImageFacts) : null,
    timings: fields['m'] ? (JSON.parse(text('m')) as Timings) : {},
    result: fields['r'] ?? null,
    ...(fields['x'] && { details: fields['x'] }),
  };
}
