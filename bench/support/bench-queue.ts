import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type GatewayQueue, newJobId, openGatewayQueue } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { startRedis, type TestRedis } from '../../test/support/redis/test-redis.ts';
import { info } from './redis-info.ts';

const PREFIX = '{fq-bench}';
/** A job that takes longer counts as failed, ms. */
const JOB_MS = 60e3;

/** The queue of a bench: Redis and the worker in processes of their own, the gateway in this one. Jobs do nothing. */
export class BenchQueue implements AsyncDisposable {
  readonly redis: TestRedis;
  readonly queue: GatewayQueue;
  readonly prefix = PREFIX;
  #worker: ChildProcess | null = null;

  private constructor(redis: TestRedis, queue: GatewayQueue) {
    this.redis = redis;
    this.queue = queue;
  }

  static async open({ resultTtlMs = 60e3, maxCameras }: { resultTtlMs?: number; maxCameras?: number } = {}) {
    // The local server, without a container network in between.
    process.env['TEST_REDIS'] ??= 'local';
    const redis = await startRedis();
    const queue = await openGatewayQueue({
      url: redis.url,
      prefix: PREFIX,
      limits: { maxWaiting: 1e6, maxBlobBytes: 4e9, maxResultBytes: 4e9, maxOldestMs: 600e3 },
      resultTtlMs,
      batchTtlMs: 3600e3,
      ...(maxCameras !== undefined && { maxCameras }),
      onError: (error) => console.error(error.message),
    });
    return new BenchQueue(redis, queue);
  }

  async startWorker(): Promise<void> {
    this.#worker = fork(fileURLToPath(new URL('../queue-worker.ts', import.meta.url)), [this.redis.url, PREFIX]);
    await once(this.#worker, 'message');
  }

  /** Submits a job and waits for its end. `bytes`: its image; absent, a URL that nobody fetches. */
  async runJob({ bytes, flow }: { bytes?: Uint8Array | undefined; flow?: string } = {}): Promise<void> {
    const id = newJobId();
    using wait = this.queue.wait(id);
    await this.queue.submit({
      id,
      queue: 'interactive',
      source: bytes ? { kind: 'inline', bytes } : { kind: 'url', url: 'https://example.com/picture.jpg' },
      options: DEFAULT_DETECTION_OPTIONS,
      requestId: 'bench',
      owner: '',
      ...(flow !== undefined && { flow }),
      startTimeoutMs: JOB_MS,
    });
    const record = await wait.ended(JOB_MS);
    if (record?.status !== 'succeeded') throw new Error(`a job ended ${record?.status}`);
  }

  /** User and system time so far, ms: gateway, worker, Redis. The worker must have been started. */
  async cpuMs(): Promise<[gateway: number, worker: number, redis: number]> {
    const { user, system } = process.cpuUsage();
    this.#worker!.send('cpu');
    const [worker] = (await once(this.#worker!, 'message')) as [number];
    return [(user + system) / 1000, worker, await this.redisCpuMs()];
  }

  async redisCpuMs(): Promise<number> {
    const seconds = async (name: string) => Number(await info(this.redis.port, 'cpu', name));
    return ((await seconds('used_cpu_user')) + (await seconds('used_cpu_sys'))) * 1000;
  }

  /** Commands that Redis has run so far, those of scripts too. */
  async redisCommands(): Promise<number> {
    return Number(await info(this.redis.port, 'stats', 'total_commands_processed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#worker) {
      const exited = once(this.#worker, 'exit');
      this.#worker.disconnect();
      await exited;
    }
    await this.queue.close();
    await this.redis.stop();
  }
}
