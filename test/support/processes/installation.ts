/** Gateways and workers as processes over one Redis, as a deployment runs them. */
import { randomUUID } from 'node:crypto';
import { type Client, createClient } from '@facequeue/client';
import { Redis } from 'ioredis';
import { startTestWorker, type WorkerProcess } from '../../../apps/worker/src/testing/worker-process.ts';
import { startRedis, type TestRedis } from '../redis/test-redis.ts';
import { type AppProcess, startApp } from './app-process.ts';

const GATEWAY = new URL('../../../apps/api/src/main.ts', import.meta.url);

export interface GatewayProcess extends AppProcess {
  readonly url: string;
  /** Asks this gateway, and asks once: what fails is to be seen. */
  readonly client: Client;
}

export interface Installation extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly prefix: string;
  /** A connection to look inside with. */
  readonly inside: Redis;
  /** Another gateway, once it listens. `PORT` in `env` takes the place of one that has ended. */
  gateway(env?: Record<string, string>): Promise<GatewayProcess>;
  /** Another worker with one engine, once it takes jobs. */
  worker(env?: Record<string, string>): Promise<WorkerProcess>;
  /** Ids of all jobs there are, live and ended. */
  jobs(): Promise<string[]>;
}

/**
 * A Redis of its own, and nothing else yet.
 * @param env settings of every process that is started here
 */
export async function startInstallation(
  env: Record<string, string> = {},
  redisOptions: Parameters<typeof startRedis>[0] = {},
): Promise<Installation> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(redisOptions));
  const prefix = `{fq-${randomUUID()}}`;
  const inside = stack.adopt(new Redis(redis.url), (connection) => connection.disconnect());
  // Redis going away is for the processes to bear; this connection comes back with it.
  inside.on('error', () => {});
  const common = { REDIS_URL: redis.url, QUEUE_PREFIX: prefix, ...env };
  const kept = stack.move();
  return {
    redis,
    prefix,
    inside,
    async gateway(more = {}) {
      const gateway = kept.use(await startApp(GATEWAY, { PORT: '0', ...common, ...more }));
      const { first } = gateway;
      if (first?.type !== 'ready' || !first.url) throw new Error(`the gateway did not get ready:\n${gateway.log()}`);
      return { ...gateway, url: first.url, client: createClient({ baseUrl: first.url, retries: 0 }) };
    },
    worker: async (more = {}) => kept.use(await startTestWorker({ ...common, ...more })),
    jobs: async () => (await inside.zrangebyscore(`${prefix}:due`, '-inf', '+inf')).sort(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
