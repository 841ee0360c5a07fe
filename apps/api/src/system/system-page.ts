import type { Snapshot } from '@facequeue/queue';
import { QUEUE_NAMES, type QueueName, type SystemResource } from '@facequeue/schema';
import { openApiDocument } from '@facequeue/schema/openapi';
import type { Route } from '../http/route.ts';
import type { Services } from '../services.ts';

export function systemRoutes({ queue, config, version }: Services): Route[] {
  let document: Buffer | undefined;
  return [
    {
      method: 'get',
      path: '/system',
      handle: async (_, response) => void response.json(systemResource(await queue.snapshot(), version)),
    },
    {
      method: 'get',
      path: '/openapi.json',
      open: true,
      handle(_, response) {
        document ??= Buffer.from(JSON.stringify(openApiDocument({ version, basePath: config.BASE_PATH })));
        response.type('application/json').send(document);
      },
    },
  ];
}

/** What `GET /system` shows of a look at the installation. */
export function systemResource({ workers, queues, full, cameras }: Snapshot, version: string): SystemResource {
  const devices = [...new Set(workers.flatMap(({ device }) => device ?? []))].sort();
  const packs = workers.flatMap(({ models }) => models ?? []);
  const models = new Map(packs.map((pack) => [`${pack.name} ${pack.version}`, pack]));
  const state = (name: QueueName) => {
    const { waiting, processing, oldestMs, throughput } = queues[name];
    return { waiting, processing, oldest_ms: oldestMs, drain_rate: throughput, full: full[name]?.text ?? null };
  };
  return {
    version,
    device: devices.join(', ') || null,
    models: [...models.values()],
    workers: workers.map(({ startedAt, ...worker }) => ({ ...worker, started_at: new Date(startedAt).toISOString() })),
    queues: Object.fromEntries(QUEUE_NAMES.map((name) => [name, state(name)])) as SystemResource['queues'],
    cameras,
  };
}
