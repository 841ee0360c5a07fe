/** Gateways and workers as processes over one Redis, as a deployment runs them. */
import { randomUUID } from 'node:crypto';
import { type Client, createClient } from '@facequeue/client';
import { Redis } from 'ioredis';
import { startTestWorker, type WorkerProcess } from '../../../apps/worker/src/testing/worker-process.ts';
import { parseExposition } from '../metrics/exposition.ts';
import { startRedis, type TestRedis } from '../redis/test-redis.ts';
import { type AppProcess, startApp } from './app-process.ts';

const GATEWAY = new URL('../../../apps/api/src/main.ts', import.meta.url);

export interface GatewayProcess extends AppProcess {
  readonly url: string;
  /** A client of this gateway, without retries: failures must be visible. */
  readonly client: Client;
}

export interface Installation extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly prefix: string;
  /** A connection for assertions. */
  readonly inside: Redis;
  /** Starts another gateway and resolves when it listens. With `PORT` in `env` it replaces one that has ended. */
  gateway(env?: Record<string, string>): Promise<GatewayProcess>;
  /** Starts another worker with one engine and resolves when it takes jobs. */
  worker(env?: Record<string, string>): Promise<WorkerProcess>;
  /** Ids of all jobs, live and ended. */
  jobs(): Promise<string[]>;
}

/**
 * Starts a Redis, and no gateway or worker yet.
 * @param env settings of every gateway and worker of this installation
 */
export async function startInstallation(
  env: Record<string, string> = {},
  redisOptions: Parameters<typeof startRedis>[0] = {},
): Promise<Installation> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(redisOptions));
  const prefix = `{fq-${randomUUID()}}`;
  const inside = stack.adopt(new Redis(redis.url), (connection) => connection.disconnect());
  // The processes have to survive a Redis outage; this connection reconnects afterwards.
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

/**
 * Jobs that gateways know to be accepted. A record alone may be that of a submission in progress, which an outage can still turn into
 * a 503.
 */
export async function acceptedBy(...gateways: GatewayProcess[]): Promise<number> {
  const counts = gateways.map(async ({ url }) => {
    const families = parseExposition(await (await fetch(`${url}/metrics`)).text());
    return families.get('facequeue_jobs_accepted_total')!.samples.reduce((sum, { value }) => sum + value, 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
