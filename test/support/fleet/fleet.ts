/** A whole installation as processes: Redis with its append-only file, gateways, workers, and the ways between them. */
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

/** Those of this checkout. */
export const MAINS: Mains = {
  gateway: new URL('../../../apps/api/src/main.ts', import.meta.url),
  worker: new URL('../../../apps/worker/src/main.ts', import.meta.url),
};

/**
 * How long what is in hand may go on after SIGTERM, by place in turns: the first has time to finish it, the second hands out ids to those
 * who wait, or gives jobs back.
 */
const GRACE = ['20s', '50ms'] as const;

export interface Fleet extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly prefix: string;
  /** A connection to look inside with, on no link. Its calls wait while Redis is away. */
  readonly inside: Redis;
  /** The way in: connections go to the gateways in turns, and past one that does not listen. */
  readonly loadBalancer: Link;
  readonly url: string;
  readonly gateways: readonly Replica[];
  readonly workers: readonly Replica[];
  /** Process ids of the engines of a worker. */
  engines(worker: Replica): number[];
  /** Ends all of it as an operator would; Redis stays. */
  close(): Promise<void>;
}

export interface FleetOptions {
  /** Gateways there are, and workers. */
  places: number;
  /** What runs at first; those of this checkout when absent. */
  mains?: Mains;
  /** Settings of gateways and workers. */
  env: Record<string, string>;
  onProblem: (problem: string) => void;
  /** Told of each process that has ended, with all it has printed. */
  onEnded: (name: string, app: AppProcess) => void;
}

export async function startFleet({ places, mains = MAINS, env, onProblem, onEnded }: FleetOptions): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  // Its process is stopped and measured: a local one.
  const redis = stack.use(await startRedis({ appendonly: true, local: true }));
  const prefix = `{fq-${randomUUID()}}`;
  const inside = stack.adopt(new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 }), (one) =>
    one.disconnect(),
  );
  // Its going away is what this is about.
  inside.on('error', () => {});

  /** Ports of the gateways that take calls. */
  const open = new Map<Replica, number>();
  let turn = 0;
  const loadBalancer = stack.use(
    await openLink(() => {
      const ports = [...open.values()];
      const first = turn++ % Math.max(1, ports.length);
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
      // Out of a load balancer's sight before it is told to stop.
      onLeaving: () => open.delete(made),
      onEnded: (app) => onEnded(name, app),
    });
    return stack.use(made);
  };
  const all = [...Array(places).keys()];
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
    // As `serve` and a deployment do: first what takes work in.
    async close() {
      await Promise.all(gateways.map((each) => each.close()));
      await Promise.all(workers.map((each) => each.close()));
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
