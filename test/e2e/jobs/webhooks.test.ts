/** Webhooks of real jobs: their content and signatures, and what happens when a receiver fails. */
import { createHash } from 'node:crypto';
import { type JobEvent, JobEvent as JobEventSchema, type JobResource, type Problem } from '@facequeue/schema';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Message, type Receiver, startReceiver } from '../../../apps/worker/src/webhooks/testing/receiver.ts';
import { type StallingServer, startStallingServer } from '../../support/servers/stalling-server.ts';
import { body, CAT, get, occupy, type Pair, PORTRAIT, post, startPair, submit } from './pair.ts';

const secret = (letter: string) => `whsec_${Buffer.alloc(32, letter).toString('base64')}`;
const [OLD, NEW, SHOP] = [secret('o'), secret('n'), secret('s')];

let stalling: StallingServer;
let good: Receiver;
let pair: Pair;
const receivers = new AsyncDisposableStack();

beforeAll(async () => {
  stalling = await startStallingServer(PORTRAIT);
  good = receivers.use(await startReceiver());
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await receivers.disposeAsync();
  await stalling?.[Symbol.asyncDispose]();
});

/** Faulty receivers. Each is a server of its own, since limits are per host. */
const FAULTY_RECEIVERS = {
  fails: () => startReceiver((count) => (count === 1 ? 500 : 204)),
  'fails for good': () => startReceiver(() => 500),
  'sends Retry-After': () =>
    startReceiver(() => (response) => response.writeHead(503, { 'retry-after': '7200' }).end()),
  redirects: () => startReceiver(() => (response) => response.writeHead(307, { location: good.url }).end()),
  hangs: () => startReceiver(() => 'hang'),
  'has gone': () => startReceiver(() => 410),
  disconnects: () => startReceiver(() => (response) => response.destroy()),
  /** Listens on an address that is not allowed. */
  'is private': () => startReceiver(),
};
type Fault = keyof typeof FAULTY_RECEIVERS;
const bad = {} as Record<Fault, Receiver>;

beforeAll(async () => {
  for (const name of Object.keys(FAULTY_RECEIVERS) as Fault[])
    bad[name] = receivers.use(await FAULTY_RECEIVERS[name]());
  const allowed = [stalling, good, ...Object.values(bad).filter((each) => each !== bad['is private'])];
  pair = await startPair({
    SOURCE_ALLOW: allowed.map(({ host }) => host).join(),
    SOURCE_TIMEOUT: '5m',
    // A receiver that answers must do so within it on a machine that stops for seconds: one more attempt is one too many here.
    WEBHOOK_TIMEOUT: '5s',
    WEBHOOK_SECRETS: [OLD, NEW, `shop=${SHOP}`].join(),
  });
});

const hook = (url: string) => `?webhook_url=${encodeURIComponent(url)}`;

/** The messages that a receiver got about a job. */
const messagesOf = ({ messages }: Receiver, id: string) =>
  messages.filter(({ headers }) => headers['webhook-id'] === `msg_${id}`);

/** The event of a message, if the secret signed it. */
const verified = (message: Message, by: string): JobEvent =>
  JobEventSchema.parse(new Webhook(by).verify(message.body, message.headers));

/** The webhook of a job, once it has the expected status. */
async function webhookOf(id: string, status: string, attempts: number): Promise<NonNullable<JobResource['webhook']>> {
  const ask = async () => (await get(pair.there, `/jobs/${id}`)).webhook!;
  await expect
    .poll(async () => [(await ask()).status, (await ask()).attempts.length], { timeout: 30_000 })
    .toEqual([status, attempts]);
  return ask();
}

describe('a webhook', () => {
  it('reports the end of a job once, signed with the new secret and the old one', async () => {
    const hasty = await pair.gateway({ START_WITHIN: '300ms' });
    const succeeded = await submit(pair.here, PORTRAIT, {}, hook(good.url));
    const failed = await submit(pair.here, PORTRAIT.subarray(0, 5000), {}, hook(good.url));
    await Promise.all([succeeded, failed].map(({ id }) => pair.here.client.wait(id)));
    const release = await occupy(pair);
    const canceled = await submit(pair.here, PORTRAIT, {}, hook(good.url));
    const expired = await submit(hasty, PORTRAIT, {}, hook(good.url));
    expect(canceled.webhook).toEqual({ url: good.url, status: 'waiting', attempts: [], next_at: null });
    await pair.there.client.cancel(canceled.id);
    await pair.there.client.wait(expired.id);
    await release();

    for (const [{ id }, status] of Object.entries({ succeeded, failed, canceled, expired }).map(
      ([status, job]) => [job, status] as const,
    )) {
      const { attempts, next_at } = await webhookOf(id, 'delivered', 1);
      expect(attempts).toEqual([{ at: expect.any(String), status: 204, error: null, ms: expect.any(Number) }]);
      expect(next_at).toBeNull();
      const [message, ...more] = messagesOf(good, id);
      expect(more).toEqual([]);
      const event = verified(message!, NEW!);
      expect(verified(message!, OLD!)).toEqual(event);
      expect(() => verified(message!, SHOP!)).toThrow();
      const { webhook: _, ...job } = await get(pair.there, `/jobs/${id}`);
      expect(event).toEqual({ type: `job.${status}`, timestamp: job.finished_at, data: job });
    }
  });

  it('has the final state of a job, even when a cancel races with its end', async () => {
    const jobs = await Promise.all(Array.from({ length: 60 }, () => submit(pair.here, CAT, {}, hook(good.url))));
    const { client } = pair.there;
    const ends = await Promise.all(
      jobs.map(async ({ id }, i) => {
        const followed = Array.fromAsync(client.follow(id));
        // Half are canceled at once, half when the job two places ahead ends: active, or just done.
        if (i % 2) await client.wait(jobs[Math.max(1, i - 2)]!.id);
        await Promise.all([pair.here, pair.there].map((gateway) => gateway.client.cancel(id).catch(() => null)));
        return followed;
      }),
    );
    const statuses = new Set<string>();
    for (const [i, events] of ends.entries()) {
      const { id } = jobs[i]!;
      const ended = events.filter((event) => event.type === 'job');
      expect(ended).toHaveLength(1);
      const { status } = ended[0]!.job;
      statuses.add(status);
      await webhookOf(id, 'delivered', 1);
      expect((await get(pair.there, `/jobs/${id}`)).status).toBe(status);
      expect(messagesOf(good, id).map((message) => verified(message, NEW!).type)).toEqual([`job.${status}`]);
    }
    expect([...statuses].sort()).toEqual(['canceled', 'succeeded']);
  });

  it('of an API key is signed with its secret only, and refused if it has none', async () => {
    const keys = { shop: 'key of shop', park: 'key of park' };
    const hashes = Object.entries(keys).map(
      ([name, key]) => `${name}:${createHash('sha256').update(key).digest('hex')}`,
    );
    const guarded = await pair.gateway({ API_KEYS: hashes.join() });
    const { id } = await submit(guarded, CAT, { 'x-api-key': keys.shop }, hook(good.url));
    await expect.poll(() => messagesOf(good, id), { timeout: 20_000 }).toHaveLength(1);
    const [message] = messagesOf(good, id);
    expect(verified(message!, SHOP!).data.id).toBe(id);
    expect(() => verified(message!, NEW!)).toThrow();
    const refused = await post(guarded, CAT, { 'x-api-key': keys.park }, { query: hook(good.url) });
    const problem = await body<Problem>(refused, 400);
    expect(problem).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining('WEBHOOK_SECRETS') });
  });
});

describe('a receiver that', () => {
  const jobOf = {} as Record<Fault, JobResource>;
  beforeAll(async () => {
    for (const name of Object.keys(FAULTY_RECEIVERS) as Fault[]) {
      jobOf[name] = await submit(pair.here, CAT, {}, hook(bad[name].url));
    }
  });

  /** From one moment to another. */
  const minutes = (from: string, to: string | null) => (Date.parse(to!) - Date.parse(from)) / 60_000;

  it('fails gets the same id and body again seconds later', async () => {
    const { id } = jobOf.fails;
    const { attempts, next_at } = await webhookOf(id, 'delivered', 2);
    expect(attempts.map(({ status, error }) => [status, error])).toEqual([
      [500, 'the receiver answered 500'],
      [204, null],
    ]);
    expect(Date.parse(attempts[1]!.at) - Date.parse(attempts[0]!.at)).toBeGreaterThan(3000);
    expect(next_at).toBeNull();
    const [first, second] = messagesOf(bad.fails, id);
    expect(second!.body).toBe(first!.body);
    expect(verified(second!, NEW!).data.id).toBe(id);
    expect(second!.headers['webhook-timestamp']).not.toBe(first!.headers['webhook-timestamp']);
  });

  it('keeps failing gets the next attempt after minutes', async () => {
    const { attempts, next_at } = await webhookOf(jobOf['fails for good'].id, 'pending', 2);
    expect(minutes(attempts[1]!.at, next_at)).toBeGreaterThan(3);
    expect(minutes(attempts[1]!.at, next_at)).toBeLessThanOrEqual(5.1);
  });

  it('sends Retry-After gets the next attempt no earlier', async () => {
    const { attempts, next_at } = await webhookOf(jobOf['sends Retry-After'].id, 'pending', 1);
    expect(attempts).toMatchObject([{ status: 503 }]);
    expect(minutes(attempts[0]!.at, next_at)).toBeGreaterThan(119);
  });

  it('redirects is not followed', async () => {
    const { id } = jobOf.redirects;
    const { attempts } = await webhookOf(id, 'pending', 2);
    expect(attempts[0]).toMatchObject({ status: 307, error: expect.stringContaining('redirects are not followed') });
    expect(messagesOf(good, id)).toEqual([]);
  });

  it('hangs is disconnected at the time limit and retried', async () => {
    const { attempts, next_at } = await webhookOf(jobOf.hangs.id, 'pending', 2);
    expect(attempts[0]).toMatchObject({ status: null, error: expect.stringMatching(/time|5 s|slow/i) });
    expect(attempts[0]!.ms).toBeGreaterThan(4900);
    expect(next_at).not.toBeNull();
  });

  it('closes the connection is retried', async () => {
    const { attempts } = await webhookOf(jobOf['disconnects'].id, 'pending', 2);
    expect(attempts[0]).toMatchObject({ status: null, error: expect.any(String) });
  });

  it('answers 410 is not retried', async () => {
    const { attempts, next_at } = await webhookOf(jobOf['has gone'].id, 'gone', 1);
    expect(attempts).toMatchObject([{ status: 410 }]);
    expect(next_at).toBeNull();
  });

  it('has a private address gets no connection', async () => {
    const names = ['127.0.0.1', '2130706433', '[::ffff:7f00:1]', '[::1]', 'localhost'];
    const port = bad['is private'].host.split(':')[1];
    const jobs = [
      jobOf['is private'],
      ...(await Promise.all(names.map((name) => submit(pair.here, CAT, {}, hook(`http://${name}:${port}/`))))),
      await submit(pair.here, CAT, {}, hook('http://169.254.169.254/latest/meta-data/')),
      await submit(pair.here, CAT, {}, hook('http://10.0.0.1/')),
    ];
    for (const { id } of jobs) {
      const { attempts, next_at } = await webhookOf(id, 'failed', 1);
      expect(attempts).toMatchObject([{ status: null, error: expect.stringContaining('SOURCE_ALLOW') }]);
      expect(next_at).toBeNull();
    }
    expect(bad['is private'].connections()).toBe(0);
  });

  it('hangs does not delay others', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => submit(pair.here, CAT, {}, hook(bad.hangs.url))));
    // Most end at once, and not when the workers get to them: within the time in which a few of their webhooks are attempted.
    await Promise.all(many.map(({ id }) => pair.there.client.cancel(id).catch(() => null)));
    const { id } = await submit(pair.here, CAT, {}, hook(good.url));
    await webhookOf(id, 'delivered', 1);
    // Four at a time for a second each: most have not been attempted.
    const pending = await Promise.all(many.map((job) => get(pair.there, `/jobs/${job.id}`)));
    expect(pending.filter(({ webhook }) => webhook!.attempts.length === 0)).not.toEqual([]);
    expect(bad.hangs.peak()).toBeLessThanOrEqual(4);
  });

  it('fails gets nothing more about a job that is erased', async () => {
    const { id } = jobOf['fails for good'];
    await pair.there.client.erase(id);
    expect(await pair.inside.keys(`*:delivery:${id}`)).toEqual([]);
    expect(await pair.inside.keys(`*:pending:${bad['fails for good'].host}`)).toEqual([]);
  });
});
