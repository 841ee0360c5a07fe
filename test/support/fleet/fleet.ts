/** A whole installation as processes: Redis with its append-only file, gateways, workers, and the links between them. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { AppProcess } from '../processes/app-process.ts';
import { descendants } from '../processes/process-table.ts';
import { startRedis, type TestRedis } from '../redis/test-redis.ts';
import { type Link, openLink } from './link.ts';
import { Replica } from './replica.ts';

/** The programs of a gateway and a worker. */
export interface Mains {
  readonly gateway: URL;
  readonly worker: URL;
}

/** The programs of this checkout. */
export const MAINS: Mains = {
  gateway: new URL('../../../apps/api/src/main.ts', import.meta.url),
  worker: new URL('../../../apps/worker/src/main.ts', import.meta.url),
};

/**
 * SHUTDOWN_GRACE of the replicas, alternating: the first has time to finish its active jobs; the second answers callers with job
 * ids, or releases its jobs.
 */
const GRACE = ['20s', '50ms'] as const;

export interface Fleet extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly prefix: string;
  /** A direct connection to Redis for assertions. Its calls wait while Redis is unavailable. */
  readonly inside: Redis;
  /** Where clients connect: connections go to the gateways round-robin, skipping one that does not listen. */
  readonly loadBalancer: Link;
  readonly url: string;
  readonly gateways: readonly Replica[];
  readonly workers: readonly Replica[];
  /** Process ids of a worker's engines. */
  engines(worker: Replica): number[];
  /** Stops everything as an operator would, except Redis. */
  close(): Promise<void>;
}

export interface FleetOptions {
  /** Number of gateways, and of workers. */
  replicas: number;
  /** Programs to start with; those of this checkout when absent. */
  mains?: Mains;
  /** Settings of gateways and workers. */
  env: Record<string, string>;
  onProblem: (problem: string) => void;
  /** Called for each process that has ended, with all its output. */
  onEnded: (name: string, app: AppProcess) => void;
}

export async function startFleet({ replicas, mains = MAINS, env, onProblem, onEnded }: FleetOptions): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  // Local, because its process is stopped and measured.
  const redis = stack.use(await startRedis({ appendonly: true, local: true }));
  const prefix = `{fq-${randomUUID()}}`;
  const inside = stack.adopt(new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 }), (one) =>
    one.disconnect(),
  );
  // The tests stop Redis.
  inside.on('error', () => {});

  /** Ports of the gateways that accept calls. */
  const open = new Map<Replica, number>();
  let connections = 0;
  const loadBalancer = stack.use(
    await openLink(() => {
      const ports = [...open.values()];
      const first = connections++ % Math.max(1, ports.length);
      return [...ports.slice(first), ...ports.slice(0, first)];
    }),
  );
  const replica = async (tier: 'gateway' | 'worker', place: number): Promise<Replica> => {
    const link = stack.use(await openLink(() => [redis.port]));
    const name = `${tier} ${place + 1}`;
    const made: Replica = new Replica({
      name,
      main: mains[tier],
      env: {
        PORT: '0',
        REDIS_URL: `redis://127.0.0.1:${link.port}`,
        QUEUE_PREFIX: prefix,
        SHUTDOWN_GRACE: GRACE[place % GRACE.length]!,
        ...env,
      },
      link,
      onProblem,
      onUp(app) {
        if (tier === 'worker' || app.first?.type !== 'ready') return;
        const port = Number(new URL(app.first.url!).port);
        open.set(made, port);
        app.child.once('exit', () => open.get(made) === port && open.delete(made));
      },
      // Like an operator, who removes a gateway from the load balancer before SIGTERM.
      onLeaving: () => open.delete(made),
      onEnded: (app) => onEnded(name, app),
    });
    return stack.use(made);
  };
  const all = [...Array(replicas).keys()];
  const gateways = await Promise.all(all.map((place) => replica('gateway', place)));
  const workers = await Promise.all(all.map((place) => replica('worker', place)));
  await Promise.all([...gateways, ...workers].map((each) => each.start()));
  const kept = stack.move();
  return {
    redis,
    prefix,
    inside,
    loadBalancer,
    url: `http://127.0.0.1:${loadBalancer.port}`,
    gateways,
    workers,
    engines: ({ app }) =>
      (app ? descendants(app.pid) : [])
        .filter(({ command }) => command.includes('engines/main.ts'))
        .map(({ pid }) => pid),
    // Like `serve` and a deployment: gateways, which accept work, stop first.
    async close() {
      await Promise.all(gateways.map((each) => each.close()));
      await Promise.all(workers.map((each) => each.close()));
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
