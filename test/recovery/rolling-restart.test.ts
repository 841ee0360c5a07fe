import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { audit } from '@facequeue/audit';
import { createClient } from '@facequeue/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countedClient } from '../support/clients/counted-client.ts';
import { type Fleet, startFleet } from '../support/fleet/fleet.ts';

const PORTRAIT = readFileSync(new URL('../images/portrait-1.jpg', import.meta.url));
const image = { bytes: new Uint8Array(PORTRAIT) };
/** Concurrent callers: half call synchronously, half submit a job and wait for it. */
const CALLERS = 8;
/** Calls that end between one restart and the next. */
const BETWEEN = 12;

const problems: string[] = [];
let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({
    replicas: 2,
    // Active jobs may finish, as by default. With a shorter grace, gateways answer 504 with Location; the chaos bench covers that.
    env: { ENGINES: '1', LOG_LEVEL: 'info', RESULT_TTL: '1h', SHUTDOWN_GRACE: '20s' },
    onProblem: (problem) => void problems.push(problem),
    onEnded: () => {},
  });
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** Callers in a loop, with the client that users have: it retries where that is safe. */
class Load {
  readonly failures: string[] = [];
  readonly jobs: string[] = [];
  readonly counts = { requests: 0, failedRequests: 0 };
  #ended = 0;
  #over = false;
  readonly #milestones = new Set<{ at: number; reached: () => void }>();
  readonly #client = countedClient({ baseUrl: fleet.url, retries: 6 }, this.counts);
  readonly #callers = Array.from({ length: CALLERS }, (_, i) => this.#calls(i % 2 === 0));

  /** Resolves when `count` more calls have ended. */
  more(count: number): Promise<void> {
    return new Promise((reached) => void this.#milestones.add({ at: this.#ended + count, reached }));
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#callers);
  }

  async #calls(sync: boolean): Promise<void> {
    while (!this.#over) {
      try {
        this.jobs.push(await (sync ? this.#detect() : this.#job()));
      } catch (error) {
        this.failures.push(String(error));
      }
      this.#ended++;
      for (const one of this.#milestones) {
        if (this.#ended < one.at) continue;
        this.#milestones.delete(one);
        one.reached();
      }
    }
  }

  async #detect(): Promise<string> {
    const { Faces, jobId } = await this.#client.detect(image, {}, { idempotencyKey: randomUUID() });
    expect(Faces).toHaveLength(1);
    return jobId!;
  }

  async #job(): Promise<string> {
    const { id } = await this.#client.submit(image, {}, { idempotencyKey: randomUUID() });
    const { status, result } = await this.#client.wait(id);
    expect(status).toBe('succeeded');
    expect(result!.Faces).toHaveLength(1);
    return id;
  }
}

/** Like an operator, on a connection that does not repeat the command when Redis is back. */
async function shutDownRedis(): Promise<void> {
  const once = new Redis(fleet.redis.url, { retryStrategy: null, autoResendUnfulfilledCommands: false });
  once.on('error', () => {});
  await once.call('SHUTDOWN').catch(() => {});
  once.disconnect();
}

describe('a rolling restart of every tier under constant load', { timeout: 300_000 }, () => {
  it('fails no call, loses no job and ends none twice', async () => {
    const load = new Load();
    await load.more(BETWEEN);
    for (const replica of [...fleet.gateways, ...fleet.workers]) {
      await replica.replace();
      await load.more(BETWEEN);
    }
    // Redis is a single process, so callers notice the moment of its restart.
    await shutDownRedis();
    await fleet.redis.restart();
    await load.more(BETWEEN);
    await load.end();

    expect(load.failures).toEqual([]);
    expect(problems).toEqual([]);
    const { requests, failedRequests } = load.counts;
    console.log(`${load.jobs.length} calls, ${requests} requests, ${failedRequests} of them retried; 0 calls failed`);
    expect(new Set(load.jobs).size).toBe(load.jobs.length);
    const client = createClient({ baseUrl: fleet.url });
    for (const id of load.jobs) expect(await client.job(id)).toMatchObject({ status: 'succeeded' });
    await expect
      .poll(async () => (await audit(fleet.redis.url, fleet.prefix)).findings, { timeout: 20_000 })
      .toEqual([]);
  });
});
