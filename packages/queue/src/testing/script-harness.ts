import { randomUUID } from 'node:crypto';
import { DEFAULT_DETECTION_OPTIONS, type DetectionOptions } from '@facequeue/schema';
import type { Redis } from 'ioredis';
import { appendScript, itemArguments } from '../batch/append.ts';
import type { NewItem } from '../batch/batch.ts';
import { closeScript, createScript, settleScript, stopScript } from '../batch/batches.ts';
import { cancelRemainingScript } from '../batch/cancel-remaining.ts';
import { endTaskScript, leaseTaskScript } from '../batch/tasks.ts';
import { eraseCameraScript, submitFrameScript } from '../camera/cameras.ts';
import { endSupersededScript } from '../camera/end-superseded.ts';
import { type Claim, claimScript, finishScript, releaseScript, startScript } from '../job/claims.ts';
import { cancelScript, eraseScript } from '../job/jobs.ts';
import { abortScript, submitScript } from '../job/submissions.ts';
import type { AdmissionLimits } from '../limits/admission.ts';
import { Scripts } from '../redis/define-script.ts';
import { sweepScript } from '../sweep/sweeper.ts';
import { IMAGE, LONG, ROOMY } from './rig.ts';

type SubmitArguments = Parameters<typeof submitScript.encode>[0];

export interface BatchOptions {
  owner?: string;
  flow?: string;
  maxPending?: number;
  maxOpen?: number;
  open?: boolean;
  listing?: boolean;
  output?: boolean;
  webhookHost?: string;
  options?: DetectionOptions;
  limits?: AdmissionLimits;
}

export interface FrameOptions {
  keep?: 'latest' | 'all';
  startTimeoutMs?: number;
  bytes?: Uint8Array;
  limits?: AdmissionLimits;
  takenAt?: number;
  flow?: string;
  maxPending?: number;
  maxCameras?: number;
  options?: DetectionOptions;
  /** Superseded frames that a call of a script ends. */
  chunk?: number;
}

/**
 * Jobs, batches and cameras of a prefix by scripts alone: nothing of it is in BullMQ, and nothing sweeps unless the test does.
 */
export class ScriptHarness {
  readonly raw: Redis;
  readonly prefix: string;
  readonly scripts: Scripts;
  /** Claims are named uniquely, as those of processes are. */
  readonly #process = randomUUID();
  #claims = 0;
  /** What BullMQ would know submitted jobs by, by their ids. */
  readonly #deliveryIds = new Map<string, string>();

  constructor(raw: Redis, prefix: string) {
    this.raw = raw;
    this.prefix = prefix;
    this.scripts = new Scripts(raw, prefix);
  }

  key(name: string): string {
    return `${this.prefix}:${name}`;
  }

  /** A bulk job of the owner `o` with a small image. @returns what the script replies */
  async submit(id: string, more: Partial<SubmitArguments> = {}): Promise<readonly (string | number)[]> {
    const reply = await this.scripts.run(submitScript, {
      id,
      queue: 'bulk',
      startTimeoutMs: LONG,
      resultTtlMs: LONG,
      limits: ROOMY,
      source: 'inline',
      options: {} as DetectionOptions,
      requestId: 'r',
      owner: 'o',
      blob: Buffer.from('img'),
      ...more,
    });
    if (reply[0] === 'ok') this.#deliveryIds.set(id, reply[3]);
    return reply;
  }

  /** What BullMQ knows a job by that was submitted here; another delivery id as it is. */
  deliveryOf(id: string): string {
    return this.#deliveryIds.get(id) ?? id;
  }

  /** Whether nothing of the submission remains. */
  abort(id: string): Promise<boolean> {
    return this.scripts.run(abortScript, { id });
  }

  /** Whether this call ended the job. */
  async cancel(id: string): Promise<boolean> {
    return (await this.scripts.run(cancelScript, { id, onlyQueued: false })).ended;
  }

  erase(id: string, owner = '', tombstoneMs = 60_000): Promise<boolean> {
    return this.scripts.run(eraseScript, { id, owner, tombstoneMs });
  }

  /** The first word of the reply. */
  async create(
    id: string,
    {
      owner = '',
      flow,
      maxPending,
      open = false,
      listing,
      output,
      webhookHost,
      options = DEFAULT_DETECTION_OPTIONS,
      limits = ROOMY,
      maxOpen = 1e6,
    }: BatchOptions = {},
  ): Promise<string> {
    const reply = await this.scripts.run(createScript, {
      id,
      owner,
      flow,
      maxPending,
      requestId: 'request',
      options,
      open,
      listing: listing ? { url: 's3://a/b/', suffixes: ['.jpg'] } : null,
      output: output ? { url: 's3://a/out', overwrite: false } : null,
      webhookUrl: webhookHost && `https://${webhookHost}/`,
      webhookHost,
      ttlMs: LONG,
      maxOpen,
      limits,
    });
    return reply[0];
  }

  /** @param task the lease of the task that lists, and its new state */
  async append(
    id: string,
    items: NewItem[],
    duplicates: 'skip' | 'fail' = 'fail',
    { owner = '', limits = ROOMY, task = null as { lease: number; state: string } | null } = {},
  ): Promise<{ answer: string; counts: number[]; tokens: string[]; reason: string; retryAfterMs: number }> {
    const reply = await this.scripts.run(appendScript, {
      id,
      owner,
      duplicates,
      limits,
      lease: task?.lease,
      state: task?.state ?? '',
      leaseMs: LONG,
      items: itemArguments(items),
    });
    const [answer, ...rest] = reply as [string, ...(number | string)[]];
    const taken = answer === 'ok';
    return {
      answer,
      counts: taken ? (rest.slice(0, 3) as number[]) : [],
      tokens: taken ? (rest.slice(3) as string[]) : [],
      reason: answer === 'full' ? String(rest[0]) : '',
      retryAfterMs: answer === 'full' ? Number(rest[1]) : 0,
    };
  }

  settle(id: string): Promise<boolean> {
    return this.scripts.run(settleScript, { id });
  }

  close(id: string, owner = ''): Promise<boolean> {
    return this.scripts.run(closeScript, { id, owner });
  }

  stop(id: string, how: 'cancel' | 'erase', chunk = 1000, owner = ''): Promise<{ exists: boolean; more: boolean }> {
    return this.scripts.run(stopScript, { id, owner, erase: how === 'erase', tombstoneMs: LONG, max: chunk });
  }

  /** Whether more remains. */
  cancelRemaining(id: string, chunk: number): Promise<boolean> {
    return this.scripts.run(cancelRemainingScript, { id, max: chunk });
  }

  leaseTask() {
    return this.scripts.run(leaseTaskScript, { leaseMs: LONG });
  }

  /** Ends a listing that has the first lease. */
  endListing(id: string): Promise<boolean> {
    const [how, errorCode, errorDetail] = ['done', '', ''];
    return this.scripts.run(endTaskScript, { kind: 'list', id, lease: 1, how, delayMs: 0, errorCode, errorDetail });
  }

  /** The reply, without what says whether superseded frames remain: they are ended. */
  async frame(id: string, camera: string, more: FrameOptions = {}): Promise<readonly (string | number)[]> {
    const [answer, ...rest] = await this.postFrame(id, camera, more);
    if (answer !== 'ok') return [answer!, ...rest];
    if (rest[2]) while (await this.endSuperseded(camera, more.chunk));
    return [answer, ...rest.slice(0, 2), ...rest.slice(3)];
  }

  /** Whether superseded frames of the camera remain. */
  endSuperseded(camera: string, chunk = 1000): Promise<boolean> {
    return this.scripts.run(endSupersededScript, { camera: `/${camera}`, max: chunk });
  }

  postFrame(id: string, camera: string, more: FrameOptions = {}): Promise<readonly (string | number)[]> {
    const {
      keep = 'latest',
      startTimeoutMs = LONG,
      bytes = Buffer.from('frame'),
      limits = ROOMY,
      takenAt = null,
      flow,
      maxPending,
      maxCameras = 4096,
      options = {} as DetectionOptions,
      chunk = 1000,
    } = more;
    return this.scripts.run(submitFrameScript, {
      id,
      camera: `/${camera}`,
      keep,
      startTimeoutMs,
      resultTtlMs: LONG,
      limits,
      options,
      requestId: 'request',
      owner: '',
      flow,
      maxPending,
      maxCameras,
      takenAt,
      max: chunk,
      blob: bytes,
    });
  }

  eraseCamera(camera: string, chunk = 1000): Promise<{ exists: boolean; more: boolean }> {
    return this.scripts.run(eraseCameraScript, { camera: `/${camera}`, max: chunk, tombstoneMs: LONG });
  }

  /** @param id a delivery's, or a submitted job's */
  claim(id: string, maxAttempts = 5): Promise<Claim> {
    const deliveryId = this.deliveryOf(id);
    return this.scripts.run(claimScript, { deliveryId, claim: `${this.#process}:${this.#claims++}`, maxAttempts });
  }

  start(id: string, attempt: number): Promise<boolean> {
    return this.scripts.run(startScript, { id, attempt });
  }

  finish(
    id: string,
    attempt: number,
    status: 'succeeded' | 'failed' = 'succeeded',
    result = 'result',
    details: string | null = null,
  ): Promise<boolean> {
    return this.scripts.run(finishScript, {
      id,
      attempt,
      status,
      errorCode: 'x',
      errorDetail: 'y',
      image: IMAGE,
      timings: {},
      result: Buffer.from(result),
      details: details === null ? null : Buffer.from(details),
    });
  }

  release(id: string, attempt: number, forgiven = false, delayMs = 0): Promise<boolean> {
    return this.scripts.run(releaseScript, { id, attempt, delayMs, forgiven });
  }

  /** BullMQ's lock on a delivery; '' when nobody has locked it. */
  async lock(queue: string, id: string, token: string): Promise<void> {
    const key = this.key(`bull:${queue}:${this.deliveryOf(id)}:lock`);
    await (token ? this.raw.set(key, token) : this.raw.del(key));
  }

  /** Everything that is due, and all stopped batches, as sweepDue does. @returns deliveries that BullMQ has lost */
  async sweep(): Promise<string[]> {
    const { lost, stoppedBatches, supersedingCameras } = await this.scripts.run(sweepScript, { max: 1000 });
    for (const id of stoppedBatches) while (await this.cancelRemaining(id, 3));
    for (const camera of supersedingCameras) while (await this.endSuperseded(camera.slice(1), 3));
    return lost.map(({ deliveryId }) => deliveryId);
  }

  /** Makes an entry that is due later due now. */
  async hurry(name: string): Promise<void> {
    await this.raw.zadd(this.key('due'), 'XX', 1, name);
  }

  /** Unbound tokens of a lane. */
  async tokensOf(lane: string): Promise<string[]> {
    const tokens = Object.entries(await this.raw.hgetall(this.key('turns')));
    return tokens.filter(([, value]) => value === lane).map(([token]) => token);
  }
}

export const inlineItem = (name: string | null, bytes = 'image'): NewItem => ({
  name,
  line: null,
  content: { kind: 'inline', bytes: Buffer.from(bytes) },
});

export const urlItem = (name: string | null): NewItem => ({
  name,
  line: null,
  content: { kind: 'url', url: 'https://example.com/picture.jpg' },
});

export const badItem = (name: string | null, line = 7): NewItem => ({
  name,
  line,
  content: { kind: 'error', code: 'invalid_base64', detail: 'img: is not base64' },
});
