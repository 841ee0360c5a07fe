import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from '@facequeue/metrics';
import { type ClaimedJob, JobAborted, type Outcome, type Place } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS, FacequeueError, type QueueName } from '@facequeue/schema';
import { createLogger, type Logger } from '@facequeue/service';
import { describe, expect, it, vi } from 'vitest';
import { parseExposition, seriesValue } from '../../../../test/support/metrics/exposition.ts';
import type { EngineAnswer, EngineImage } from '../engines/messages.ts';
import { FetchPoolFull } from '../fetching/fetch-pool.ts';
import { ActiveJobs } from './active-jobs.ts';
import { createJobHandler, type JobHandlerDeps } from './job-handler.ts';

const ANSWER: EngineAnswer = {
  result: new Uint8Array([1]),
  details: new Uint8Array([2]),
  image: { width: 4, height: 3, format: 'png', bytes: 9, orientation: 1 },
  timings: { decode: 1, detect: 2 },
};

/** The steps of a job, and how it ended. */
interface Run {
  events: string[];
  outcome?: Outcome;
  slotsInUse: number;
}

/** What the queue, the source and the engine do. */
interface Script {
  source?: ClaimedJob['source'];
  /** 2 unless it says otherwise. */
  attempt?: number;
  blob?: Buffer | null;
  start?: boolean;
  /** What `finish` and `release` return: whether the job is still this worker's. */
  owned?: boolean;
  fetch?: (url: string, signal?: AbortSignal) => Promise<Uint8Array>;
  run?: (image: EngineImage, signal: AbortSignal) => Promise<EngineAnswer>;
  acquire?: (signal: AbortSignal) => Promise<void>;
  /** Waits before the fetch begins. */
  beforeFetch?: () => Promise<void>;
  random?: number;
  queue?: QueueName;
  maxImageBytes?: number;
  log?: Logger;
  metrics?: Registry;
}

/** Runs a job through the handler against a scripted queue, source and engine. */
async function runJob(
  script: Script,
  during?: (scene: { activeJobs: ActiveJobs; lost: AbortController }) => void,
): Promise<Run> {
  const run: Run = { events: [], slotsInUse: 0 };
  const record = <T>(event: string, value: T): T => {
    run.events.push(event);
    return value;
  };
  /** The job of a lane token has another id than the delivery. */
  const ofJob = <T>(id: string, value: T): T => {
    expect(id).toBe('job of delivery');
    return value;
  };
  const activeJobs = new ActiveJobs();
  const place: Place = { leave() {}, rejoin() {} };
  const deps: JobHandlerDeps = {
    workerId: 'w',
    activeJobs,
    log: script.log ?? createLogger('worker', 'silent'),
    metrics: script.metrics ?? new Registry('worker'),
    random: () => script.random ?? 0,
    queue: {
      claim: async (deliveryId) => ({
        id: `job of ${deliveryId}`,
        attempt: script.attempt ?? 2,
        queue: script.queue ?? 'interactive',
        source: script.source ?? { kind: 'inline' },
        options: DEFAULT_DETECTION_OPTIONS,
        requestId: 'r',
        createdAt: Date.now() - 1000,
        owner: '',
        flow: 'ip:192.0.2.1',
        maxImageBytes: script.maxImageBytes ?? null,
      }),
      blob: async (id) => ofJob(id, record('blob', script.blob === undefined ? Buffer.from('image') : script.blob)),
      start: async (id) => ofJob(id, record('start', script.start ?? true)),
      finish: async (id, attempt, outcome) => {
        run.outcome = outcome;
        return ofJob(id, record(`finish ${attempt}`, script.owned ?? true));
      },
      release: async (id, attempt, delayMs, forgiven) =>
        ofJob(id, record(`release ${attempt} after ${delayMs}${forgiven ? ', forgiven' : ''}`, script.owned ?? true)),
    },
    fetches: {
      async fetch({ url, ...request }, from, signal, onFetch) {
        expect({ ...request, from }).toEqual({
          flow: 'ip:192.0.2.1',
          queue: script.queue ?? 'interactive',
          maxBytes: script.maxImageBytes ?? null,
          from: place,
        });
        await script.beforeFetch?.();
        onFetch?.();
        const bytes = await (script.fetch ?? (async () => record(`fetch ${url}`, new Uint8Array(5))))(url, signal);
        return { bytes, [Symbol.dispose]: () => record('image released', undefined) };
      },
    },
    engines: {
      async acquire(priority, flow, signal) {
        expect(flow).toBe('ip:192.0.2.1');
        await script.acquire?.(signal);
        record(`permit ${priority}`, run.slotsInUse++);
        return {
          run: script.run ?? (async () => record('run', ANSWER)),
          [Symbol.dispose]: () => record('permit released', run.slotsInUse--),
        };
      },
    },
  };
  const lost = new AbortController();
  const handling = createJobHandler(deps)('delivery', lost.signal, place);
  during?.({ activeJobs, lost });
  await handling;
  expect(run.slotsInUse).toBe(0);
  return run;
}

const untilAborted = async (signal?: AbortSignal) => {
  signal?.throwIfAborted();
  return new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
};

describe('a job', () => {
  it('is processing only once it has an engine, and releases the engine before its result is recorded', async () => {
    const { events, outcome } = await runJob({});
    expect(events).toEqual(['blob', 'permit interactive', 'start', 'run', 'permit released', 'finish 2']);
    const { result, details, image } = ANSWER;
    expect(outcome).toMatchObject({ status: 'succeeded', result, details, image });
    expect(outcome!.timings).toMatchObject({ decode: 1, detect: 2, fetch: expect.any(Number) });
    expect(outcome!.timings!.queue).toBeGreaterThanOrEqual(900);
  });

  it.each(['bulk', 'cameras'] as const)('of the queue %s waits in the class others', async (queue) => {
    expect((await runJob({ queue })).events).toContain('permit others');
  });

  it('is fetched with the limit of its key', async () => {
    const { outcome } = await runJob({ source: { kind: 'url', url: 'https://example.com/a' }, maxImageBytes: 5 });
    expect(outcome?.status).toBe('succeeded');
  });

  it('fetches its image before it takes an engine, and keeps it until the engine is done', async () => {
    const { events } = await runJob({ source: { kind: 'url', url: 'https://example.com/a.jpg' } });
    expect(events).toEqual([
      'fetch https://example.com/a.jpg',
      'permit interactive',
      'start',
      'run',
      'permit released',
      'image released',
      'finish 2',
    ]);
  });

  it('does not count as fetching while it waits for its fetch', async () => {
    let ms = 0;
    const { outcome } = await runJob({
      source: { kind: 'url', url: 'https://example.com/a.jpg' },
      beforeFetch: () => sleep(100),
      fetch: async () => {
        const began = performance.now();
        await sleep(20);
        ms = performance.now() - began;
        return new Uint8Array(5);
      },
    });
    expect(outcome!.timings!.fetch).toBeGreaterThan(ms - 1);
    expect(outcome!.timings!.fetch).toBeLessThan(ms + 90);
  });

  it('for whose fetch there is no room runs again 2 to 4 s later, without an attempt spent', async () => {
    const metrics = new Registry('worker');
    const events: string[] = [];
    for (const random of [0, 1]) {
      const run = await runJob({
        source: { kind: 'url', url: 'https://example.com/a.jpg' },
        fetch: () => Promise.reject(new FetchPoolFull('full')),
        random,
        metrics,
      });
      expect(run.outcome).toBeUndefined();
      events.push(...run.events);
    }
    expect(events).toEqual(['release 2 after 2000, forgiven', 'release 2 after 4000, forgiven']);
    const released = seriesValue(parseExposition(await metrics.text()), 'facequeue_jobs_released_total', {
      queue: 'interactive',
      reason: 'fetches',
    });
    expect(released).toBe(2);
  });

  it.each([
    ['the queue', { kind: 'inline' }],
    ['a URL', { kind: 'url', url: 'https://example.com/a' }],
  ] as const)('keeps its bytes of %s until the engine has answered, and frees them then', async (_, source) => {
    const image = Buffer.from(new Uint8Array(100_000).buffer);
    const { outcome } = await runJob({
      source,
      blob: image,
      fetch: async () => image,
      run: async ({ bytes }) => {
        expect(bytes).toHaveLength(100_000);
        return ANSWER;
      },
    });
    expect(outcome?.status).toBe('succeeded');
    expect(image).toHaveLength(0);
  });

  it('whose engine may not have read all of its bytes leaves them to the collector', async () => {
    const blob = Buffer.from(new Uint8Array(100_000).buffer);
    await runJob({ blob, run: () => Promise.reject(new Error('the engine is gone')) });
    expect(blob).toHaveLength(100_000);
  });

  it('that ended while it waited for an engine is not run', async () => {
    expect((await runJob({ start: false })).events).toEqual(['blob', 'permit interactive', 'start', 'permit released']);
  });

  it('fails with the error code of its image', async () => {
    for (const code of ['image_undecodable', 'engine_crashed', 'engine_timeout'] as const) {
      const { outcome } = await runJob({ run: () => Promise.reject(new FacequeueError(code, 'no')) });
      expect(outcome).toMatchObject({ status: 'failed', error: { code, detail: 'no' } });
    }
    const { outcome } = await runJob({
      source: { kind: 'url', url: 'https://example.com' },
      fetch: () => Promise.reject(new FacequeueError('source_unreachable', '404')),
    });
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'source_unreachable' } });
  });

  it('is released after an internal error, with a delay that grows with its attempts', async () => {
    const run = () => Promise.reject(new TypeError('a bug'));
    const lasts: string[] = [];
    for (const attempt of [1, 2, 3, 4, 20]) {
      const { events, outcome } = await runJob({ attempt, run });
      expect(outcome).toBeUndefined();
      lasts.push(events.at(-1)!);
    }
    expect(lasts).toEqual([
      'release 1 after 250',
      'release 2 after 500',
      'release 3 after 1000',
      'release 4 after 2000',
      // Half of 30 s, the other half is random.
      'release 20 after 15000',
    ]);
    expect((await runJob({ blob: null })).events.at(-1)).toBe('release 2 after 500');
    const unavailable = () => Promise.reject(new FacequeueError('unavailable', 'away'));
    expect((await runJob({ run: unavailable })).events.at(-1)).toBe('release 2 after 500');
  });
});

describe('a canceled job', () => {
  it('stops fetching and is neither finished nor released: its record has ended', async () => {
    const { events } = await runJob(
      { source: { kind: 'url', url: 'https://example.com' }, fetch: (_url, signal) => untilAborted(signal) },
      ({ lost }) => setImmediate(() => lost.abort(new Error('canceled'))),
    );
    expect(events).toEqual([]);
  });

  it('stops waiting for an engine', async () => {
    const { events } = await runJob({ acquire: untilAborted }, ({ lost }) =>
      setImmediate(() => lost.abort(new Error('canceled'))),
    );
    expect(events).toEqual(['blob']);
  });

  it('releases its engine when it is canceled inside', async () => {
    const { events } = await runJob({ run: (_image, signal) => untilAborted(signal) }, ({ lost }) =>
      setImmediate(() => setImmediate(() => lost.abort(new Error('canceled')))),
    );
    expect(events).toEqual(['blob', 'permit interactive', 'start', 'permit released']);
  });

  it('whose image finishes anyway has its result refused, and is not run again', async () => {
    const { events } = await runJob({ owned: false });
    expect(events).toEqual(['blob', 'permit interactive', 'start', 'run', 'permit released', 'finish 2']);
  });

  it('whose image was erased before the cancel arrived is no internal error', async () => {
    const log = createLogger('worker', 'silent');
    const fault = vi.spyOn(log, 'error');
    log.child = () => log as never;
    const { events } = await runJob({ blob: null, owned: false, log });
    expect(events).toEqual(['blob', 'release 2 after 500']);
    expect(fault).not.toHaveBeenCalled();
    await runJob({ blob: null, log });
    expect(fault).toHaveBeenCalledOnce();
  });

  it('is aborted even when the cancel arrives right after the claim', async () => {
    const { events } = await runJob({ acquire: untilAborted }, ({ lost }) => lost.abort(new Error('canceled')));
    expect(events).not.toContain('start');
  });
});

describe('a job that was delivered to another worker', () => {
  const url = { kind: 'url', url: 'https://example.com' } as const;
  it.each<[string, Script, string[]]>([
    ['fetched', { source: url, fetch: (_url, signal) => untilAborted(signal) }, []],
    ['waiting for an engine', { acquire: untilAborted }, ['blob']],
    [
      'inside an engine',
      { run: (_image, signal) => untilAborted(signal) },
      ['blob', 'permit interactive', 'start', 'permit released'],
    ],
  ])('while %s stops, and is neither finished nor released', async (_, script, expected) => {
    let signal: AbortSignal | undefined;
    const { events, outcome } = await runJob(script, ({ lost }) => {
      signal = lost.signal;
      setImmediate(() => setImmediate(() => lost.abort(new JobAborted('lock_lost'))));
    });
    expect(events).toEqual(expected);
    expect(outcome).toBeUndefined();
    expect(getEventListeners(signal!, 'abort')).toEqual([]);
  });
});

describe('a job that has ended in its worker', () => {
  it.each<[string, Script]>([
    ['succeeded', {}],
    ['failed', { run: () => Promise.reject(new FacequeueError('image_undecodable', 'no')) }],
    ['was released', { run: () => Promise.reject(new TypeError('a bug')) }],
    ['had ended before', { start: false }],
  ])('is no longer active, and nothing listens to its signal: it %s', async (_, script) => {
    let scene: { activeJobs: ActiveJobs; lost: AbortController } | undefined;
    let active: AbortSignal | undefined;
    const acquire = async (signal: AbortSignal) => {
      active = signal;
    };
    await runJob({ ...script, acquire }, (given) => {
      scene = given;
    });
    expect(getEventListeners(scene!.lost.signal, 'abort')).toEqual([]);
    scene!.activeJobs.abortAll();
    expect(active!.aborted).toBe(false);
  });
});

describe('the outcome of a job', () => {
  const counted = async (script: Script, during?: Parameters<typeof runJob>[1]) => {
    const metrics = new Registry('worker');
    await runJob({ ...script, metrics }, during);
    const families = parseExposition(await metrics.text());
    return [...families.values()].flatMap(({ type, samples }) =>
      samples
        .filter(({ value }) => type === 'counter' && value > 0)
        .map(({ name, labels, value }) => `${name} ${Object.values(labels).join(' ')} ${value}`),
    );
  };
  const drop = (reason: 'canceled' | 'lock_lost') => (scene: { lost: AbortController }) =>
    void setImmediate(() => scene.lost.abort(new JobAborted(reason)));
  const badImage = () => Promise.reject(new FacequeueError('image_undecodable', 'no'));
  const fault = () => Promise.reject(new TypeError('a bug'));

  it.each<[string, Script, Parameters<typeof runJob>[1], string[]]>([
    ['succeeded', {}, undefined, ['facequeue_jobs_ended_total interactive succeeded 1']],
    ['failed', { run: badImage }, undefined, ['facequeue_jobs_ended_total interactive image_undecodable 1']],
    ['had ended', { owned: false }, undefined, ['facequeue_jobs_ended_total interactive discarded 1']],
    ['had an internal error', { run: fault }, undefined, ['facequeue_jobs_released_total interactive fault 1']],
    [
      'was active in a worker that stops',
      { acquire: untilAborted, queue: 'bulk' },
      ({ activeJobs }) => void setImmediate(() => activeJobs.abortAll()),
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
  ])('is counted when it %s', async (_, script, during, expected) => {
    expect(await counted(script, during)).toEqual(expected);
  });

  it('is counted with the durations of its stages, by queue', async () => {
    const metrics = new Registry('worker');
    await runJob({ metrics, queue: 'cameras' });
    await runJob({ metrics, queue: 'cameras', run: badImage });
    const families = parseExposition(await metrics.text());
    const of = (stage: string, what: string) =>
      seriesValue(families, `facequeue_stage_duration_seconds_${what}`, { queue: 'cameras', stage });
    expect([of('queue', 'count'), of('fetch', 'count'), of('decode', 'count')]).toEqual([2, 2, 1]);
    expect(of('queue', 'sum')).toBeGreaterThanOrEqual(1.8);
    expect(of('detect', 'sum')).toBe(0.002);
  });
});

describe('a worker that stops', () => {
  it('releases a job that is fetching, waiting for an engine or inside one at once', async () => {
    const scripts: Script[] = [
      { source: { kind: 'url', url: 'https://example.com' }, fetch: (_url, signal) => untilAborted(signal) },
      { acquire: untilAborted },
      { run: (_image, signal) => untilAborted(signal) },
    ];
    for (const script of scripts) {
      const { events, outcome } = await runJob(script, ({ activeJobs }) =>
        setImmediate(() => setImmediate(() => activeJobs.abortAll())),
      );
      expect(events.at(-1)).toBe('release 2 after 0, forgiven');
      expect(outcome).toBeUndefined();
    }
  });
});
