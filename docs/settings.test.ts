import { type BoundsMeta, boundsOf, ConfigError, readConfig } from '@facequeue/schema/config';
import { misspeltSettings } from '@facequeue/service/misspelt';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { gatewayVariables } from '../apps/api/src/variables.ts';
import { callerVariables, serveVariables } from '../apps/cli/src/variables.ts';
import { workerVariables } from '../apps/worker/src/variables.ts';

const READERS = { gatewayVariables, workerVariables, serveVariables, callerVariables };

it.each(Object.entries(READERS))('no setting of another process is taken for a misspelt one of %s', (_, own) => {
  const others = Object.values(READERS).flatMap((shape) => Object.keys(shape));
  const env = Object.fromEntries(others.filter((name) => !(name in own)).map((name) => [name, 'x']));
  expect(misspeltSettings(env, own)).toEqual([]);
});

/** Every setting of every process with its type. */
const SETTINGS = Object.entries(READERS).flatMap(([reader, shape]) =>
  Object.entries(shape as Record<string, z.ZodType>).map(([name, variable]) => ({ reader, name, variable })),
);
/** The value of a setting that is given as `text`. */
const read = (variable: z.ZodType, text?: string) =>
  readConfig({ SETTING: variable }, { SETTING: text })['SETTING'] as unknown;

describe('every setting that is a number', () => {
  const NUMBERS = SETTINGS.filter(({ variable }) =>
    [undefined, '0', '1', '300', '5m', '1mb', '1gb'].some((text) => {
      try {
        return typeof read(variable, text) === 'number';
      } catch {
        return false;
      }
    }),
  );

  it('has bounds', () => {
    expect(NUMBERS.length).toBeGreaterThan(30);
    expect(NUMBERS.filter(({ variable }) => !boundsOf(variable)).map(({ name }) => name)).toEqual([]);
  });

  it('is within them by default', () => {
    for (const [reader, shape] of Object.entries(READERS)) {
      const defaults = readConfig(shape as z.ZodRawShape, {}) as Record<string, unknown>;
      for (const { name, variable } of NUMBERS.filter((setting) => setting.reader === reader)) {
        const { least, most } = boundsOf(variable)!;
        const value = defaults[name];
        if (value === 'auto') continue;
        expect(value, name).toBeGreaterThanOrEqual(read(variable, least) as number);
        expect(value, name).toBeLessThanOrEqual(read(variable, most) as number);
      }
    }
  });

  it.each(NUMBERS)(
    'of $reader: $name is accepted at its least and its most, and refused beyond them',
    ({ variable }) => {
      const { least, most, zero } = boundsOf(variable)!;
      const [lowest, highest] = [read(variable, least) as number, read(variable, most) as number];
      expect(lowest).toBeLessThan(highest);
      const unit = unitOf({ least, most });
      expect(read(variable, `${lowest}${unit}`)).toBe(lowest);
      expect(read(variable, `${highest}${unit}`)).toBe(highest);
      const beyond = [`${lowest - 1}${unit}`, `${highest + 1}${unit}`, `${highest}000${unit}`];
      for (const text of [...beyond, ...(zero === undefined && lowest > 0 ? ['0'] : [])]) {
        const form = new RegExp(`^SETTING is ${JSON.stringify(text)}; expected .*from ${least} to ${most}`);
        expect(() => read(variable, text)).toThrow(ConfigError);
        expect(() => read(variable, text)).toThrow(form);
      }
      if (zero !== undefined) expect(read(variable, '0')).toBe(0);
    },
  );

  it('that is a time is at most ten years, and one that limits a wait at most a day', () => {
    const DAY_MS = 86_400_000;
    /** How long something is kept or may queue: no timer runs for them. */
    const kept = ['START_WITHIN', 'MAX_OLDEST', 'RESULT_TTL', 'BATCH_TTL'];
    for (const { name, variable } of NUMBERS.filter(({ variable }) => unitOf(boundsOf(variable)!) === 'ms')) {
      const most = read(variable, boundsOf(variable)!.most);
      expect(most, name).toBeLessThanOrEqual(kept.includes(name) ? 3650 * DAY_MS : DAY_MS);
    }
  });
});

/** What a setting is counted in: milliseconds, bytes or things. */
function unitOf({ most }: Pick<BoundsMeta, 'least' | 'most'>): 'ms' | 'b' | '' {
  if (/\d(ms|s|m|h|d)$/.test(most)) return 'ms';
  return /\d[kmgt]?b$/.test(most) ? 'b' : '';
}
