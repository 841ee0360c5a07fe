import { Registry } from '@facequeue/metrics';
import { type ClaimedJob, JobAborted, type Outcome } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS, FacequeueError, type QueueName } from '@facequeue/schema';
import { describe, expect, it, vi } from 'vitest';
import { parseExposition, seriesValue } from '../../../../test/support/metrics/exposition.ts';
import type { EngineAnswer, EngineImage } from '../engines/messages.ts';
import { createLog, type Logger } from '../log.ts';
import { ActiveJobs } from './active-jobs.ts';
import { createJobHandler, type JobHandlerDeps } from './job-handler.ts';

const ANSWER: EngineAnswer = {
  result: new Uint8Array([1]),
  image: { width: 4, height: 3, format: 'png', bytes: 9, orientation: 1 },
  timings: { decode: 1, detect: 2 },
};

/** What a job went through, and how it was left. */
interface Story {
  events: string[];
  outcome?: Outcome;
  slotsOut: number;
}

interface Plot {
  source?: ClaimedJob['source'];
  blob?: Buffer | null;
  start?: boolean;
  /** What `finish` and `release` say. */
  ours?: boolean;
  fetch?: (url: string, signal?: AbortSignal) => Promise<Uint8Array>;
  run?: (image: EngineImage, signal: AbortSignal) => Promise<EngineAnswer>;
  acquire?: (signal: AbortSignal) => Promise<void>;
  queue?: QueueName;
  log?: Logger;
  metrics?: Registry;
}

/** Runs a job through the handler with the queue and the engine told what to do. */
async function play(
  plot: Plot,
  during?: (hands: { inHand: ActiveJobs; lost: AbortController }) => void,
): Promise<Story> {
  const story: Story = { events: [], slotsOut: 0 };
  const tell = <T>(event: string, value: T): T => {
    story.events.push(event);
    return value;
  };
  /** The job of a lane token has another id than the delivery. */
  const ofJob = <T>(id: string, value: T): T => {
    expect(id).toBe('job of delivery');
    return value;
  };
  const inHand = new ActiveJobs();
  const deps: JobHandlerDeps = {
    workerId: 'w',
    inHand,
    log: plot.log ?? createLog('silent'),
    metrics: plot.metrics ?? new Registry('worker'),
    random: () => 0,
    queue: {
      claim: async (deliveryId) => ({
        id: `job of ${deliveryId}`,
        attempt: 2,
        queue: plot.queue ?? 'interactive',
        source: plot.source ?? { kind: 'inline' },
        options: DEFAULT_DETECTION_OPTIONS,
        requestId: 'r',
        createdAt: Date.now() - 1000,
      }),
      blob: async (id) => ofJob(id, tell('blob', plot.blob === undefined ? Buffer.from('image') : plot.blob)),
      start: async (id) => ofJob(id, tell('start', plot.start ?? true)),
      finish: async (id, attempt, outcome) => {
        story.outcome = outcome;
        return ofJob(id, tell(`finish ${attempt}`, plot.ours ?? true));
      },
      release: async (id, attempt, delayMs, forgiven) =>
        ofJob(id, tell(`release ${attempt} after ${delayMs}${forgiven ? ', forgiven' : ''}`, plot.ours ?? true)),
    },
    source: { fetch: plot.fetch ?? (async (url) => tell(`fetch ${url}`, new Uint8Array(5))) },
    engines: {
      async acquire(lane, signal) {
        await plot.acquire?.(signal);
        tell(`permit ${lane}`, story.slotsOut++);
        return {
          run: plot.run ?? (async () => tell('run', ANSWER)),
          [Symbol.dispose]: () => tell('permit back', story.slotsOut--),
        };
      },
    },
  };
  const lost = new AbortController();
  const handling = createJobHandler(deps)('delivery', lost.signal);
  during?.({ inHand, lost });
  await handling;
  expect(story.slotsOut).toBe(0);
  return story;
}

const untilAborted = async (signal?: AbortSignal) => {
  signal?.throwIfAborted();
  return new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
};

describe('a job', () => {
  it('says processing only once it has an engine, and gives the engine back before the result is recorded', async () => {
    const { events, outcome } = await play({});
    expect(events).toEqual(['blob', 'permit interactive', 'start', 'run', 'permit back', 'finish 2']);
    expect(outcome).toMatchObject({ status: 'succeeded', result: ANSWER.result, image: ANSWER.image });
    expect(outcome!.timings).toMatchObject({ decode: 1, detect: 2, fetch: expect.any(Number) });
    expect(outcome!.timings!.queue).toBeGreaterThanOrEqual(900);
  });

  it.each(['bulk', 'cameras'] as const)('of the queue %s waits with the others', async (queue) => {
    expect((await play({ queue })).events).toContain('permit others');
  });

  it('has its image fetched before it takes an engine', async () => {
    const { events } = await play({ source: { kind: 'url', url: 'https://example.com/a.jpg' } });
    expect(events.slice(0, 2)).toEqual(['fetch https://example.com/a.jpg', 'permit interactive']);
  });

  it('hands the engine a plain view of the bytes it was given', async () => {
    const blob = Buffer.from('..image..').subarray(2, 7);
    const { outcome } = await play({
      blob,
      run: async ({ bytes }) => {
        expect(bytes.constructor).toBe(Uint8Array);
        expect(Buffer.from(bytes).toString()).toBe('image');
        return ANSWER;
      },
    });
    expect(outcome?.status).toBe('succeeded');
  });

  it('that has ended before its turn is not run', async () => {
    expect((await play({ start: false })).events).toEqual(['blob', 'permit interactive', 'start', 'permit back']);
  });

  it('fails with the code of the catalogue its image deserves', async () => {
    for (const code of ['image_undecodable', 'engine_crashed', 'engine_timeout'] as const) {
      const { outcome } = await play({ run: () => Promise.reject(new FacequeueError(code, 'no')) });
      expect(outcome).toMatchObject({ status: 'failed', error: { code, detail: 'no' } });
    }
    const { outcome } = await play({
      source: { kind: 'url', url: 'https://example.com' },
      fetch: () => Promise.reject(new FacequeueError('source_unreachable', '404')),
    });
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'source_unreachable' } });
  });

  it('goes back to its queue after a fault of ours, later the oftener it was tried', async () => {
    const { events, outcome } = await play({ run: () => Promise.reject(new TypeError('a bug')) });
    expect(outcome).toBeUndefined();
    expect(events.at(-1)).toBe('release 2 after 500');
    expect((await play({ blob: null })).events.at(-1)).toMatch(/^release 2/);
  });
});

describe('a canceled job', () => {
  it('stops fetching and is left alone: its record has ended', async () => {
    const { events } = await play(
      { source: { kind: 'url', url: 'https://example.com' }, fetch: (_url, signal) => untilAborted(signal) },
      ({ lost }) => setImmediate(() => lost.abort(new Error('canceled'))),
    );
    expect(events).toEqual([]);
  });

  it('leaves the line for an engine', async () => {
    const { events } = await play({ acquire: untilAborted }, ({ lost }) =>
      setImmediate(() => lost.abort(new Error('canceled'))),
    );
    expect(events).toEqual(['blob']);
  });

  it('gives its engine back when it is canceled inside', async () => {
    const { events } = await play({ run: (_image, signal) => untilAborted(signal) }, ({ lost }) =>
      setImmediate(() => setImmediate(() => lost.abort(new Error('canceled')))),
    );
    expect(events).toEqual(['blob', 'permit interactive', 'start', 'permit back']);
  });

  it('whose image is done nearly at once has its result refused, and is not run again', async () => {
    const { events } = await play({ ours: false });
    expect(events).toEqual(['blob', 'permit interactive', 'start', 'run', 'permit back', 'finish 2']);
  });

  it('whose image was erased before that was told is left alone, and is no fault', async () => {
    const log = createLog('silent');
    const fault = vi.spyOn(log, 'error');
    log.child = () => log as never;
    const { events } = await play({ blob: null, ours: false, log });
    expect(events).toEqual(['blob', 'release 2 after 500']);
    expect(fault).not.toHaveBeenCalled();
    await play({ blob: null, log });
    expect(fault).toHaveBeenCalledOnce();
  });

  it('is canceled even if that is told right after the claim', async () => {
    const { events } = await play({ acquire: untilAborted }, ({ lost }) => lost.abort(new Error('canceled')));
    expect(events).not.toContain('start');
  });
});

describe('what became of a job', () => {
  const counted = async (plot: Plot, during?: Parameters<typeof play>[1]) => {
    const metrics = new Registry('worker');
    await play({ ...plot, metrics }, during);
    const families = parseExposition(await metrics.text());
    return [...families.values()].flatMap(({ type, samples }) =>
      samples
        .filter(({ value }) => type === 'counter' && value > 0)
        .map(({ name, labels, value }) => `${name} ${Object.values(labels).join(' ')} ${value}`),
    );
  };
  const drop = (reason: 'canceled' | 'lock_lost') => (hands: { lost: AbortController }) =>
    void setImmediate(() => hands.lost.abort(new JobAborted(reason)));
  const spoilt = () => Promise.reject(new FacequeueError('image_undecodable', 'no'));
  const fault = () => Promise.reject(new TypeError('a bug'));

  it.each<[string, Plot, Parameters<typeof play>[1], string[]]>([
    ['succeeded', {}, undefined, ['facequeue_jobs_ended_total interactive succeeded 1']],
    ['failed', { run: spoilt }, undefined, ['facequeue_jobs_ended_total interactive image_undecodable 1']],
    ['had ended', { ours: false }, undefined, ['facequeue_jobs_ended_total interactive discarded 1']],
    ['met a fault', { run: fault }, undefined, ['facequeue_jobs_released_total interactive fault 1']],
    [
      'was in the hands of a worker that stops',
      { acquire: untilAborted, queue: 'bulk' },
      ({ inHand }) => void setImmediate(() => inHand.stop()),
      ['facequeue_jobs_released_total bulk stopping 1'],
    ],
    [
      'was canceled',
      { acquire: untilAborted },
      drop('canceled'),
      ['facequeue_jobs_dropped_total interactive canceled 1'],
    ],
    [
      'was lost to another worker',
      { acquire: untilAborted },
      drop('lock_lost'),
      ['facequeue_jobs_dropped_total interactive lock_lost 1'],
    ],
  ])('is counted when it %s', async (_, plot, during, expected) => {
    expect(await counted(plot, during)).toEqual(expected);
  });

  it('shows in the times of its stages, by queue', async () => {
    const metrics = new Registry('worker');
    await play({ metrics, queue: 'cameras' });
    await play({ metrics, queue: 'cameras', run: spoilt });
    const families = parseExposition(await metrics.text());
    const of = (stage: string, what: string) =>
      seriesValue(families, `facequeue_stage_duration_seconds_${what}`, { queue: 'cameras', stage });
    expect([of('queue', 'count'), of('fetch', 'count'), of('decode', 'count')]).toEqual([2, 2, 1]);
    expect(of('queue', 'sum')).toBeGreaterThanOrEqual(1.8);
    expect(of('detect', 'sum')).toBe(0.002);
  });
});

describe('a worker that stops', () => {
  it('gives a job that is still fetching, waiting or inside back at once', async () => {
    const plots: Plot[] = [
      { source: { kind: 'url', url: 'https://example.com' }, fetch: (_url, signal) => untilAborted(signal) },
      { acquire: untilAborted },
      { run: (_image, signal) => untilAborted(signal) },
    ];
    for (const plot of plots) {
      const { events, outcome } = await play(plot, ({ inHand }) =>
        setImmediate(() => setImmediate(() => inHand.stop())),
      );
      expect(events.at(-1)).toBe('release 2 after 0, forgiven');
      expect(outcome).toBeUndefined();
    }
  });
});
