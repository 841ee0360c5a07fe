/** Callers of every kind that keep calling while processes are replaced, and their observations. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CameraFrame, type Client, type ItemLine, isFacequeueError } from '@facequeue/client';
import { withTimeout } from '@facequeue/time';
import { countedClient } from '../support/clients/counted-client.ts';
import type { WebServer } from './web-server.ts';

/** Between two frames of the camera, and between two appends to the batch, ms. */
const FRAME_EVERY_MS = 250;
const APPEND_EVERY_MS = 250;
/** Items and frames that may be pending: on a slow machine, calls come no faster than workers do. */
const PENDING = 24;
/** For what takes a few seconds: six detections beside a replaced process, the last results of a camera. */
const MORE_MS = 60_000;
/** A frame that a broken connection may have carried is posted again after this, ms. */
const FRAME_AGAIN_MS = 100;

export const CAMERA = 'gate';

export interface LoadOptions {
  url: string;
  image: Uint8Array;
  web: WebServer;
}

export class Load {
  /** Calls that failed after all retries of the client. */
  readonly failures: string[] = [];
  /** Ids of jobs whose callers saw them succeed. */
  readonly jobs: string[] = [];
  /** Those of them with a webhook. */
  readonly withWebhook: string[] = [];
  /** Frames the service has acknowledged. */
  readonly frames: string[] = [];
  /** Results of the camera in order of arrival. */
  readonly frameResults: CameraFrame[] = [];
  /** Items appended to the batch. */
  readonly items: string[] = [];
  readonly itemResults: ItemLine[] = [];
  readonly requests = { requests: 0, failedRequests: 0 };
  readonly client: Client;
  batch = '';
  readonly #options: LoadOptions;
  readonly #stopping = new AbortController();
  readonly #watching = new AbortController();
  #ended = 0;
  #running: Promise<void>[] = [];
  #following: Promise<void>[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    this.client = countedClient({ baseUrl: options.url }, this.requests);
  }

  async start(): Promise<void> {
    const { webhookUrl } = this.#options.web;
    this.batch = (await this.client.createBatch({ open: true, webhookUrl })).id;
    this.#following = [this.#readBatch(), (await this.#readCamera()).reading];
    this.#running = [
      this.#until(() => this.#detect()),
      this.#until(() => this.#detect()),
      this.#until(() => this.#job()),
      this.#until(() => this.#fromUrl()),
      this.#until(() => this.#append()),
      this.#until(() => this.#frame()),
    ];
  }

  /**
   * Resolves when this many more detections have ended.
   * @throws with the failed calls when that takes too long
   */
  async more(count: number): Promise<void> {
    const wanted = this.#ended + count;
    const deadline = Date.now() + MORE_MS;
    while (this.#ended < wanted) {
      if (Date.now() > deadline) throw this.#standsStill(`${this.#ended} of ${wanted} detections have ended`);
      await sleep(20);
    }
  }

  /** Ends the calls, closes the batch and resolves when its results and those of all frames have arrived. */
  async end(): Promise<void> {
    this.#stopping.abort();
    await withTimeout(Promise.all(this.#running), MORE_MS, () => this.#standsStill('calls have not ended'));
    await this.client.closeBatch(this.batch);
    await withTimeout(this.#following[0]!, MORE_MS, () => this.#standsStill('the results of the batch have not ended'));
    const seen = () => new Set(this.frameResults.map(({ job }) => job));
    const signal = AbortSignal.timeout(MORE_MS);
    while (!this.frames.every((id) => seen().has(id))) await sleep(50, undefined, { signal });
    this.#watching.abort();
    await Promise.all(this.#following);
  }

  async #until(call: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await call();
      } catch (error) {
        this.failures.push(`${call}: ${error}`);
      }
    }
  }

  async #detect(): Promise<void> {
    const { Faces, jobId } = await this.client.detect(this.#image, {}, { idempotencyKey: randomUUID() });
    this.#sawJob(jobId!, Faces.length);
  }

  async #job(): Promise<void> {
    const options = { webhook_url: this.#options.web.webhookUrl };
    const { id } = await this.client.submit(this.#image, options, { idempotencyKey: randomUUID() });
    const { result, status } = await this.client.wait(id);
    if (status !== 'succeeded') throw new Error(`${id} is ${status}`);
    this.withWebhook.push(id);
    this.#sawJob(id, result!.Faces.length);
  }

  async #fromUrl(): Promise<void> {
    const { id } = await this.client.submit({ url: this.#options.web.imageUrl }, { landmarks: false });
    for await (const event of this.client.follow(id)) {
      if (event.type === 'status') continue;
      if (event.job.status !== 'succeeded') throw new Error(`${id} is ${event.job.status}`);
      this.#sawJob(id, event.job.result!.Faces.length);
    }
  }

  async #append(): Promise<void> {
    if (this.items.length - this.itemResults.length >= PENDING) return sleep(APPEND_EVERY_MS);
    const id = `item-${this.items.length}`;
    const { accepted, skipped } = await this.client.appendItems(this.batch, [{ id, ...this.#image }]);
    if (accepted + skipped !== 1) throw new Error(`${id} was not accepted`);
    this.items.push(id);
    await sleep(APPEND_EVERY_MS);
  }

  async #frame(): Promise<void> {
    if (this.frames.length - this.frameResults.length >= PENDING) return sleep(FRAME_EVERY_MS);
    try {
      this.frames.push((await this.client.postFrame(CAMERA, this.#image, { keep: 'all' })).id);
      await sleep(FRAME_EVERY_MS);
    } catch (error) {
      // The client does not post a frame twice by itself: it may have arrived.
      if (!isFacequeueError(error) || error.code !== 'unavailable') throw error;
      await sleep(FRAME_AGAIN_MS);
    }
  }

  async #readBatch(): Promise<void> {
    for await (const line of this.client.results(this.batch, { follow: true })) this.itemResults.push(line);
  }

  /** Resolves once the stream is open. `reading` ends with it. */
  async #readCamera(): Promise<{ reading: Promise<void> }> {
    const opened = Promise.withResolvers<void>();
    const { signal } = this.#watching;
    const reading = (async () => {
      try {
        for await (const frame of this.client.frames(CAMERA, {
          after: 'start',
          signal,
          onOpen: () => opened.resolve(),
        }))
          this.frameResults.push(frame);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    })();
    await Promise.race([opened.promise, reading]);
    return { reading };
  }

  #standsStill(what: string): Error {
    return new Error(
      `after ${MORE_MS / 1000} s: ${what}; calls that failed:\n${this.failures.slice(0, 10).join('\n')}`,
    );
  }

  #sawJob(id: string, faces: number): void {
    if (faces !== 1) throw new Error(`${id} found ${faces} faces`);
    this.jobs.push(id);
    this.#ended += 1;
  }

  get #image(): { bytes: Uint8Array } {
    return { bytes: this.#options.image };
  }
}
