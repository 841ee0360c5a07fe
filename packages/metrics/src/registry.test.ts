import fc from 'fast-check';
import { Gauge, Registry as PromRegistry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { parseExposition, seriesValue } from '../../../test/support/metrics/exposition.ts';
import { METRICS, type MetricEntry } from './catalogue.ts';
import { startProcessFigures } from './process.ts';
import { familyText, Registry } from './registry.ts';

const REQUEST = 'facequeue_http_request_duration_seconds';
const DETECTION = { route: '/face_detection', method: 'POST', status: '200' } as const;

const scraped = async (registry: Registry) => parseExposition(await registry.text());

describe('the catalogue', () => {
  it.each(Object.entries<MetricEntry>(METRICS))(
    '%s has a name and a help text by the conventions of Prometheus',
    (name, entry) => {
      expect(name).toMatch(/^(facequeue|process|nodejs)_[a-z0-9_]+$/);
      expect(name.endsWith('_total')).toBe(entry.kind === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|mb|count|sum|bucket)\b/);
      expect(entry.help).toMatch(/\.$/);
      expect(entry.apps.length).toBeGreaterThan(0);
      for (const label of Object.keys(entry.labels)) expect(label).toMatch(/^(?!le$)[a-z_]+$/);
      expect(entry.buckets !== undefined).toBe(entry.kind === 'histogram');
      const bounds = entry.buckets ?? [];
      expect([...bounds].sort((a, b) => a - b)).toEqual(bounds);
      expect(new Set(bounds).size).toBe(bounds.length);
    },
  );
});

describe('a registry', () => {
  it('counts by labels, in whatever order they are given', async () => {
    const registry = new Registry('worker');
    registry.count('facequeue_tasks_total', { kind: 'list', outcome: 'done' });
    registry.count('facequeue_tasks_total', { outcome: 'done', kind: 'list' }, 2);
    registry.count('facequeue_tasks_total', { kind: 'write', outcome: 'done' });
    const families = await scraped(registry);
    expect(seriesValue(families, 'facequeue_tasks_total', { kind: 'list', outcome: 'done' })).toBe(3);
    expect(seriesValue(families, 'facequeue_tasks_total', { kind: 'write', outcome: 'done' })).toBe(1);
  });

  it('shows counters from the start at 0, which makes the first event visible as an increase', async () => {
    const families = await scraped(new Registry('worker'));
    for (const cause of ['crash', 'hang', 'memory', 'canceled', 'start'])
      expect(seriesValue(families, 'facequeue_engine_restarts_total', { cause })).toBe(0);
  });

  it('has only the metrics of its own kind of process', async () => {
    const catalogue: Record<string, MetricEntry> = METRICS;
    for (const app of ['gateway', 'worker'] as const) {
      const names = [...(await scraped(new Registry(app))).keys()];
      expect(names.length).toBeGreaterThan(3);
      expect(names.filter((name) => !catalogue[name]!.apps.includes(app))).toEqual([]);
    }
  });

  it('is independent of another registry in the same process', async () => {
    const [one, other] = [new Registry('gateway'), new Registry('gateway')];
    one.count('facequeue_http_errors_total', { code: 'gone' });
    expect(seriesValue(await scraped(other), 'facequeue_http_errors_total', { code: 'gone' })).toBe(0);
  });

  it('puts a value into the first bucket whose bound is not below it', async () => {
    const registry = new Registry('gateway');
    for (const seconds of [0, 0.005, 0.0051, 60, 61]) registry.observe(REQUEST, DETECTION, seconds);
    const families = await scraped(registry);
    const below = (le: string) => seriesValue(families, `${REQUEST}_bucket`, { ...DETECTION, le });
    expect([below('0.005'), below('0.01'), below('20'), below('60'), below('+Inf')]).toEqual([2, 3, 3, 4, 5]);
    expect(seriesValue(families, `${REQUEST}_sum`, DETECTION)).toBeCloseTo(121.0101);
  });

  it('counts every value of a histogram once', async () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(values, async (seconds) => {
        const registry = new Registry('gateway');
        for (const each of seconds) registry.observe(REQUEST, DETECTION, each);
        const families = await scraped(registry);
        expect(seriesValue(families, `${REQUEST}_count`, DETECTION)).toBe(seconds.length);
        for (const bound of METRICS[REQUEST].buckets) {
          const atMost = seconds.filter((each) => each <= bound).length;
          expect(seriesValue(families, `${REQUEST}_bucket`, { ...DETECTION, le: String(bound) })).toBe(atMost);
        }
      }),
    );
  });

  it('calls readers at each scrape until they are unregistered', async () => {
    const registry = new Registry('gateway');
    let bytes = 1;
    const forget = registry.read(() => [{ name: 'facequeue_body_bytes', labels: {}, value: bytes++ }]);
    expect(seriesValue(await scraped(registry), 'facequeue_body_bytes')).toBe(1);
    expect(seriesValue(await scraped(registry), 'facequeue_body_bytes')).toBe(2);
    forget();
    expect([...(await scraped(registry)).keys()]).not.toContain('facequeue_body_bytes');
  });
});

describe('the text of a metric', () => {
  it('keeps any label value and help text intact through a parser', async () => {
    const words = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', ',', '}', '=', ' ', 'é', 'n') });
    await fc.assert(
      fc.asyncProperty(words, words, fc.double(), async (value, help, figure) => {
        const registry = new PromRegistry();
        const labelNames = ['route', 'method'];
        const gauge = new Gauge({ name: 'some_metric', help: `${help}.`, labelNames, registers: [registry] });
        gauge.set({ route: value, method: 'GET' }, figure);
        const family = parseExposition(await familyText(registry, 'some_metric')).get('some_metric')!;
        expect(family.help).toBe(`${help}.`);
        const [sample] = family.samples;
        expect(sample!.labels).toEqual({ route: value, method: 'GET' });
        expect(Object.is(sample!.value, figure) || (sample!.value === 0 && figure === 0)).toBe(true);
      }),
    );
  });

  it('lists metrics with at least one series, in the order of the catalogue', async () => {
    const registry = new Registry('gateway');
    const names = () => registry.text().then((text) => [...parseExposition(text).keys()]);
    // Counters whose label values are a finite list start at 0.
    const initial = Object.entries<MetricEntry>(METRICS)
      .filter(([, { apps, kind, labels }]) => {
        const finite = Object.values(labels).every((values) => typeof values !== 'string');
        return apps.includes('gateway') && kind === 'counter' && finite;
      })
      .map(([name]) => name);
    expect(initial).toContain('facequeue_http_errors_total');
    expect(await names()).toEqual(initial);
    registry.observe(REQUEST, DETECTION, 0.5);
    registry.read(() => [{ name: 'facequeue_workers', labels: {}, value: 2 }]);
    const present = [...initial, REQUEST, 'facequeue_workers'];
    expect(await names()).toEqual(Object.keys(METRICS).filter((name) => present.includes(name)));
  });
});

describe('the figures of a process', () => {
  it('describe this process, until they are disposed', async () => {
    const registry = new Registry('worker');
    const figures = startProcessFigures(registry);
    const before = Date.now() / 1000 - process.uptime();
    const first = await scraped(registry);
    expect(seriesValue(first, 'process_resident_memory_bytes')).toBeGreaterThan(10e6);
    expect(seriesValue(first, 'process_open_fds')).toBeGreaterThan(2);
    expect(seriesValue(first, 'process_max_fds')).toBeGreaterThanOrEqual(seriesValue(first, 'process_open_fds'));
    expect(Math.abs(seriesValue(first, 'process_start_time_seconds') - before)).toBeLessThan(1);
    // Blocks the loop for 300 ms, three times: the observation begins with the first iteration of the loop after a scrape.
    const blocked = async () => {
      for (let time = 0; time < 3; time++) {
        const until = performance.now() + 300;
        while (performance.now() < until);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return seriesValue(await scraped(registry), 'nodejs_eventloop_lag_max_seconds');
    };
    await expect.poll(blocked, { timeout: 20_000 }).toBeGreaterThan(0.1);
    const cpu = 'process_cpu_seconds_total';
    expect(seriesValue(await scraped(registry), cpu)).toBeGreaterThan(seriesValue(first, cpu));
    figures[Symbol.dispose]();
    expect([...(await scraped(registry)).keys()].filter((name) => /^(process|nodejs)_/.test(name))).toEqual([
      'process_cpu_user_seconds_total',
      'process_cpu_system_seconds_total',
      'process_cpu_seconds_total',
    ]);
  });
});
