import type { Snapshot } from '@facequeue/queue';
import { QUEUE_NAMES, type QueueName, type SystemResource } from '@facequeue/schema';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';

/** What the installation is doing, for people: indented. */
export function systemRoutes({ queue, version }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/system',
      scope: 'metrics',
      async handle(_, response) {
        const page = systemResource(await queue.snapshot(), version);
        response.type('application/json').send(JSON.stringify(page, null, 2));
      },
    },
  ];
}

/** What `GET /system` shows of a snapshot. */
export function systemResource({ workers, queues, full, cameras }: Snapshot, version: string): SystemResource {
  const devices = [...new Set(workers.flatMap(({ device }) => device ?? []))].sort();
  const packs = workers.flatMap(({ models }) => models ?? []);
  const models = new Map(packs.map((pack) => [`${pack.name} ${pack.version}`, pack]));
  const queueState = (name: QueueName) => {
    const { waiting, processing, oldestMs, throughput } = queues[name];
    return {
      waiting,
      processing,
      oldest_ms: Math.round(oldestMs),
      drain_rate: significant(throughput),
      full: full[name]?.text ?? null,
    };
  };
  return {
    version,
    device: devices.join(', ') || null,
    models: [...models.values()],
    // Named one by one: heartbeats have more in them, and those of a later release things unknown here.
    workers: workers.map(
      ({ id, version, device, models, engines, busy, fetching, sandbox, queues, startedAt, load }) => ({
        id,
        version,
        device,
        models,
        engines,
        busy,
        ...(fetching && { fetching }),
        ...(sandbox && { sandbox }),
        queues,
        load: Math.round(load * 1000) / 1000,
        started_at: new Date(startedAt).toISOString(),
      }),
    ),
    queues: Object.fromEntries(QUEUE_NAMES.map((name) => [name, queueState(name)])) as SystemResource['queues'],
    cameras,
  };
}

/** Three significant digits, which is more than a rate over half a minute is good for; 0 below a thousandth. */
const significant = (value: number) => (value < 0.001 ? 0 : Number(value.toPrecision(3)));
