/** Server-sent events of jobs that are submitted at one gateway and followed at the other. */
import type { JobResource } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../support/processes/free-port.ts';
import type { GatewayProcess } from '../../support/processes/installation.ts';
import { type StallingServer, startStallingServer } from '../../support/servers/stalling-server.ts';
import { freeze, get, type Pair, PORTRAIT, reaches, startPair, submit } from './pair.ts';

let stalling: StallingServer;
let pair: Pair;
/** Events of a job that stays queued. */
let quiet: Awaited<ReturnType<typeof openEvents>>;

beforeAll(async () => {
  stalling = await startStallingServer(PORTRAIT);
  pair = await startPair({ SOURCE_ALLOW: stalling.host, SOURCE_TIMEOUT: '5m' });
  quiet = await openEvents(pair.there, (await fetching('/quiet')).id);
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await stalling?.[Symbol.asyncDispose]();
});

/** An event stream as received on the wire. */
async function openEvents({ url }: GatewayProcess, id: string, lastEventId?: string) {
  const response = await fetch(`${url}/jobs/${id}/events`, {
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  });
  let text = '';
  const done = (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
  })();
  const events = () =>
    [...text.matchAll(/^id: (.+)\nevent: (.+)\ndata: (.+)\n\n/gm)].map(([, id, event, data]) => ({
      id: id!,
      event: event!,
      data: JSON.parse(data!) as JobResource,
    }));
  return { response, done, text: () => text, events };
}

/** A job that a worker has claimed and whose image it fetches until `path` is released: the claim is an event, too. */
async function fetching(path: string): Promise<JobResource> {
  const job = await submit(pair.here, { url: stalling.url(path) });
  await stalling.requested(path);
  return job;
}

const statuses = (stream: Awaited<ReturnType<typeof openEvents>>) => stream.events().map(({ data }) => data.status);

describe('the events of a job', () => {
  it('report every state and end with the job as GET returns it', async () => {
    const job = await fetching('/done');
    const stream = await openEvents(pair.there, job.id);
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(stream.response.headers.get('cache-control')).toContain('no-cache');
    await expect.poll(() => statuses(stream)).toEqual(['queued']);
    using frozen = freeze(pair);
    stalling.release('/done');
    await expect.poll(() => statuses(stream), { timeout: 10_000 }).toEqual(['queued', 'processing']);
    frozen.thaw();
    await stream.done;
    expect(stream.events().map(({ event }) => event)).toEqual(['status', 'status', 'job']);
    expect(stream.events().at(-1)!.data).toEqual(await get(pair.here, job.links.self));
    expect(stream.events().at(-1)!.data.result!.Faces).toHaveLength(1);
  });

  it('continue at another gateway after the last event received', async () => {
    const { id } = await fetching('/moved');
    const before = await openEvents(pair.there, id);
    await expect.poll(() => statuses(before)).toEqual(['queued']);
    const [last] = before.events();
    await before.response.body!.cancel().catch(() => {});
    const after = await openEvents(pair.here, id, last!.id);
    stalling.release('/moved');
    await after.done;
    expect(statuses(after)[0]).not.toBe('queued');
    expect(statuses(after).at(-1)).toBe('succeeded');
    // A client that has received the end is answered 204, which stops its reconnects.
    const late = await openEvents(pair.there, id, after.events().at(-1)!.id);
    expect(late.response.status).toBe(204);
    const reopened = await openEvents(pair.there, id);
    await reopened.done;
    expect(statuses(reopened)).toEqual(['succeeded']);
  });

  it('are the same for fifty followers on both gateways', async () => {
    const { id } = await submit(pair.here, { url: stalling.url('/watched') });
    const streams = Array.from({ length: 50 }, async (_, i) => {
      const seen: string[] = [];
      for await (const event of [pair.here, pair.there][i % 2]!.client.follow(id)) {
        if (seen.length === 0) begun++;
        const { attempts, status } = event.type === 'job' ? event.job : event;
        seen.push(`${attempts} ${status}`);
      }
      return seen;
    });
    let begun = 0;
    await expect.poll(() => begun, { timeout: 10_000 }).toBe(50);
    stalling.release('/watched');
    for (const seen of await Promise.all(streams)) {
      // States that last a few milliseconds may be missed; those received are in order and unique.
      expect(seen).toEqual(
        ['0 queued', '1 queued', '1 processing', '1 succeeded'].filter((state) => seen.includes(state)),
      );
      expect([seen[0]!.slice(2), seen.at(-1)]).toEqual(['queued', '1 succeeded']);
    }
  });

  it('end when the job is canceled, and stop when it is erased', async () => {
    const [canceled, erased] = [await fetching('/canceled'), await fetching('/erased')];
    const streams = [await openEvents(pair.there, canceled.id), await openEvents(pair.there, erased.id)] as const;
    await pair.here.client.cancel(canceled.id);
    await pair.here.client.erase(erased.id);
    await Promise.all(streams.map(({ done }) => done));
    expect(statuses(streams[0]).at(-1)).toBe('canceled');
    expect(streams[1].events().map(({ event }) => event)).not.toContain('job');
    expect((await openEvents(pair.there, erased.id)).response.status).toBe(410);
  });

  it('continue where they stopped when their gateway is killed and another takes its port', async () => {
    const PORT = String(await freePort());
    const own = await pair.gateway({ PORT });
    const { id } = await fetching('/survived');
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of own.client.follow(id))
        seen.push(event.type === 'job' ? `job ${event.job.status}` : event.status);
    })();
    await expect.poll(() => seen).toEqual(['queued']);
    await own.end('SIGKILL');
    await pair.gateway({ PORT });
    stalling.release('/survived');
    await reaches(pair.there, id, 'succeeded');
    await following;
    expect(seen.filter((state) => state === 'queued')).toHaveLength(1);
    expect(seen.at(-1)).toBe('job succeeded');
  });
  it('send keep-alives while nothing happens', async () => {
    await expect.poll(quiet.text, { timeout: 25_000 }).toMatch(/^:$/m);
    expect(statuses(quiet)).toEqual(['queued']);
    stalling.release('/quiet');
    await quiet.done;
    expect(statuses(quiet).at(-1)).toBe('succeeded');
  });
});
