import { describe, expect, it } from 'vitest';
import { findProgram } from './apt.js';
import { redisPlan } from './redis.js';
import { needsRedis } from './setup.js';

const version = (number: string) => `Redis server v=${number} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64`;
const none = { apt: false, root: false, sudo: false };

describe('Redis', () => {
  it.each(['6.2.0', '6.12.1', '7.0.15', '8.0.2', '10.0.0'])('%s is new enough', (number) => {
    expect(redisPlan(version(number), none)).toEqual({ kind: 'ready' });
  });

  it.each(['6.0.16', '5.0.14', '6.1.9'])('%s is too old, which is reported; it is not replaced', (number) => {
    const plan = redisPlan(version(number), { apt: true, root: true, sudo: true });
    expect(plan).toMatchObject({ kind: 'report', message: expect.stringMatching(/6\.2 or newer/) });
    expect(plan).toMatchObject({ message: expect.stringContaining(number.replace(/\.\d+$/, '')) });
  });

  it('is installed by root, and by users with sudo without a password', () => {
    expect(redisPlan(null, { apt: true, root: true, sudo: false })).toEqual({ kind: 'install', prefix: [] });
    expect(redisPlan(null, { apt: true, root: false, sudo: true })).toEqual({
      kind: 'install',
      prefix: ['sudo', '-n'],
    });
  });

  it('that cannot be installed is reported with the command to run, and the alternative', () => {
    const plan = redisPlan(null, { apt: true, root: false, sudo: false });
    expect(plan).toMatchObject({
      kind: 'report',
      message: expect.stringMatching(/sudo apt-get install .*redis-server/),
    });
    expect(plan).toMatchObject({ message: expect.stringMatching(/REDIS_URL/) });
  });

  it('is not installed with apt-get where there is none', () => {
    const plan = redisPlan(null, { ...none, root: true });
    expect(plan).toMatchObject({ kind: 'report', message: expect.not.stringMatching(/apt-get/) });
  });

  it('is needed for a start without REDIS_URL and for tests always', () => {
    expect(needsRedis('start', {})).toBe(true);
    expect(needsRedis('start', { REDIS_URL: '' })).toBe(true);
    expect(needsRedis('start', { REDIS_URL: 'redis://elsewhere' })).toBe(false);
    expect(needsRedis('test', { REDIS_URL: 'redis://elsewhere' })).toBe(true);
    expect(needsRedis('packages', {})).toBe(false);
  });
});

describe('a program', () => {
  it('is found in PATH, and only there', () => {
    expect(findProgram('sh', '/nonexistent:/bin')).toBe('/bin/sh');
    expect(findProgram('sh', '/nonexistent')).toBeNull();
    expect(findProgram('sh', undefined)).toBeNull();
  });
});
