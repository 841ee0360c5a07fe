/** Each release runs and reads what the other submits: gateways of both over one Redis, and a worker of each in turn. */
import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import { type CameraFrame, type Client, createClient, type ItemLine } from '@facequeue/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { photographBytes } from '../support/fixtures/index.ts';
import { MAINS } from '../support/fleet/fleet.ts';
import { type AppProcess, startApp } from '../support/processes/app-process.ts';
import { startRedis, type TestRedis } from '../support/redis/test-redis.ts';
import { lastRelease } from './release.ts';
import { startWebServer, type WebServer } from './web-server.ts';

const SIDES = ['the last release', 'this checkout'] as const;
type Side = (typeof SIDES)[number];
const otherOf = (side: Side): Side => (side === SIDES[0] ? SIDES[1] : SIDES[0]);

/** A PNG that ends after its signature. */
const DAMAGED = { bytes: Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10) };

const stack = new AsyncDisposableStack();
const clients = {} as Record<Side, Client>;
const prefix = `{fq-${randomUUID()}}`;
let mains: Record<Side, { gateway: URL; worker: URL }>;
let redis: TestRedis;
let web: WebServer;
let image: { bytes: Uint8Array };

beforeAll(async () => {
  mains = { [SIDES[0]]: await lastRelease(), [SIDES[1]]: MAINS } as typeof mains;
  image = { bytes: await photographBytes('portrait-1.jpg') };
  redis = stack.use(await startRedis());
  web = stack.use(await startWebServer(image.bytes));
  for (const side of SIDES) {
    const gateway = await start(mains[side].gateway);
    clients[side] = createClient({ baseUrl: gateway.url, retries: 0 });
  }
});
afterAll(() => stack.disposeAsync());

async function start(main: URL): Promise<AppProcess & { url: string }> {
  const env = { PORT: '0', ENGINES: '1', REDIS_URL: redis.url, QUEUE_PREFIX: prefix, ...web.settings };
  const app = stack.use(await startApp(main, env));
  if (app.first?.type !== 'ready') throw new Error(`${main} did not get ready:\n${app.log()}`);
  return { ...app, url: app.first.url ?? '' };
}

/** Both gateways show the same; a newer one may show more. Rates decay between two calls. */
async function expectAlike<T>(read: (client: Client) => Promise<T>): Promise<T> {
  const [old, current] = await Promise.all(SIDES.map((side) => read(clients[side]).then(withoutRates)));
  expect(current).toMatchObject(old as object);
  return current as T;
}

const withoutRates = (view: unknown): unknown =>
  JSON.parse(JSON.stringify(view, (name, value) => (/rate|remaining/.test(name) ? undefined : value)));

async function all<T>(lines: AsyncIterable<T>, most = Number.POSITIVE_INFINITY): Promise<T[]> {
  const read: T[] = [];
  for await (const line of lines) if (read.push(line) === most) break;
  return read;
}

describe.each(SIDES)('with a worker of %s', (workerSide) => {
  let worker: AppProcess;
  /** Submitted to the gateway of each before there was a worker. */
  const queued = {} as Record<Side, { runs: string; canceled: string }>;

  beforeAll(async () => {
    for (const side of SIDES) {
      const [{ id: runs }, { id: canceled }] = await Promise.all([
        clients[side].submit(image, { max_faces: 1, profile: 'fast' }),
        clients[side].submit(image),
      ]);
      queued[side] = { runs, canceled };
    }
    for (const side of SIDES) await clients[otherOf(side)].cancel(queued[side].canceled);
    worker = await start(mains[workerSide].worker);
  });
  afterAll(async () => {
    expect(await worker.end('SIGTERM')).toBe(0);
  });

  it('runs a call with options of this checkout, by the last release without them, and both gateways show its faces', async () => {
    const options = { landmarks: 'refined', rotate: 'auto', detail: true } as const;
    const { id } = await clients['this checkout'].submit(image, options, { waitMs: 20_000 });
    const { id: batch } = await clients['this checkout'].createBatch({ items: [{ id: 'a', ...image }], options });
    const [line] = await all(clients['this checkout'].results(batch, { follow: true }));
    await expectAlike((client) => client.job(id));
    await expectAlike((client) => all(client.results(batch)));
    for (const { status, result } of [await clients['this checkout'].job(id), line!]) {
      expect(status).toBe('succeeded');
      const [face] = result!.Faces;
      expect(face!.landmark_106).toHaveLength(106);
      expect('pose' in face!).toBe(workerSide === 'this checkout');
    }
  });

  describe.each(SIDES)('and calls to a gateway of %s', (side) => {
    const here = () => clients[side];
    const there = () => clients[otherOf(side)];
    const name = `${SIDES.indexOf(workerSide)}-${SIDES.indexOf(side)}`;

    it('runs pending jobs, and shows every end in the same way', async () => {
      const { runs, canceled } = queued[side];
      expect(await there().wait(runs)).toMatchObject({ status: 'succeeded', result: { Faces: [expect.anything()] } });
      expect(await expectAlike((client) => client.job(canceled))).toMatchObject({ status: 'canceled' });
      await expectAlike((client) => client.job(runs));
      const { id } = await here().submit(DAMAGED, {}, { waitMs: 20_000 });
      const failed = await expectAlike((client) => client.job(id));
      expect(failed).toMatchObject({
        status: 'failed',
        error: { code: expect.any(String), detail: expect.any(String) },
      });
    });

    it('answers a waiting call, and returns its job for the same idempotency key at the other gateway', async () => {
      const call = { idempotencyKey: `detect ${name}` };
      const first = await here().detect(image, {}, call);
      expect(first.Faces).toHaveLength(1);
      expect(await there().detect(image, {}, call)).toEqual(first);
      expect(await here().detect(image, {}, call)).toEqual(first);
      for (const client of [here(), there()])
        await expect(client.detect(image, { max_faces: 3 }, call)).rejects.toMatchObject({
          code: 'idempotency_conflict',
        });
    });

    it('follows, waits for and erases a job at the other gateway, and sends its webhook', async () => {
      const call = { idempotencyKey: `submit ${name}` };
      const options = { webhook_url: web.webhookUrl, landmarks: false };
      const { id } = await here().submit({ url: web.imageUrl }, options, call);
      expect((await there().submit({ url: web.imageUrl }, options, call)).id).toBe(id);
      const events = await all(there().follow(id));
      expect(events.at(-1)).toMatchObject({ job: { id, status: 'succeeded' } });
      await expect.poll(() => web.webhooks.get(`msg_${id}`), { timeout: 10_000 }).toContain(`"${id}"`);
      await expect.poll(async () => (await there().job(id)).webhook?.status).toBe('delivered');
      await expectAlike((client) => client.job(id));
      await there().erase(id);
      for (const client of [here(), there()]) await expect(client.job(id)).rejects.toMatchObject({ code: 'gone' });
    });

    it('fills a batch from both gateways and returns its results at both, from any cursor', async () => {
      const { id } = await here().createBatch({
        open: true,
        items: [
          { id: 'first', ...image },
          { id: 'damaged', ...DAMAGED },
        ],
        webhookUrl: web.webhookUrl,
      });
      const more = [
        { id: 'first', ...image },
        { id: 'url', url: web.imageUrl },
      ];
      expect(await there().appendItems(id, more)).toEqual({ accepted: 1, skipped: 1, failed: 0 });
      expect(await here().appendItems(id, [{ id: 'last', ...image }])).toMatchObject({ accepted: 1 });
      await there().closeBatch(id);
      const followed = await all(here().results(id, { follow: true }));
      expect(followed.map((line) => line.id).sort()).toEqual(['damaged', 'first', 'last', 'url']);
      const read =
        (after: string) =>
        (client: Client): Promise<ItemLine[]> =>
          all(client.results(id, { after }));
      expect(await expectAlike(read(''))).toHaveLength(4);
      expect(await expectAlike(read(followed[1]!.cursor))).toHaveLength(2);
      await expect.poll(() => web.webhooks.has(`msg_${id}`), { timeout: 10_000 }).toBe(true);
      await expect.poll(async () => (await there().batch(id)).webhook?.status).toBe('delivered');
      const counts = { total: 4, succeeded: 3, failed: 1 };
      expect(await expectAlike((client) => client.batch(id))).toMatchObject({ status: 'finished', counts });
    });

    it('accepts frames at both gateways and streams their results at both, from any cursor', async () => {
      const camera = `gate-${name}`;
      for (const client of [here(), there(), here()]) {
        const { id } = await client.postFrame(camera, image, { keep: 'all', frame_time: '2026-01-02T03:04:05.000Z' });
        await there().wait(id);
      }
      const read =
        (after: string, most: number) =>
        (client: Client): Promise<CameraFrame[]> =>
          all(client.frames(camera, { after }), most);
      const frames = await expectAlike(read('start', 3));
      expect(frames.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
      await expectAlike(read(frames[0]!.cursor, 2));
      const view = await expectAlike((client) => client.camera(camera));
      expect(view.counts).toMatchObject({ posted: 3, succeeded: 3 });
    });

    it('is listed by both gateways, and leaves consistent counters and lists', async () => {
      const workers = await expectAlike(async (client) => (await client.system()).workers.map(({ id }) => id));
      expect(workers).toHaveLength(1);
      await expect.poll(async () => (await audit(redis.url, prefix)).findings, { timeout: 10_000 }).toEqual([]);
    });
  });
});
