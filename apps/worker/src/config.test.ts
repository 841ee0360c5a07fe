import { describe, expect, it } from 'vitest';
import { engineEnvironment, workerConfig } from './config.ts';

describe('the settings', () => {
  it('have defaults for everything but Redis', () => {
    expect(workerConfig({ REDIS_URL: 'redis://localhost', ENGINES: '' })).toMatchObject({
      ENGINES: 'auto',
      ENGINE_TIMEOUT: 8000,
      WORKER_QUEUES: ['interactive', 'bulk', 'cameras', 'webhooks'],
      WEBHOOK_TIMEOUT: 15_000,
      WORKER_PORT: 0,
      SHUTDOWN_GRACE: 20_000,
      DEVICE: 'auto',
    });
    expect(() => workerConfig({})).toThrow('REDIS_URL');
  });

  it('accept a number of engines, and spaces between queues', () => {
    const config = workerConfig({ REDIS_URL: 'redis://localhost', ENGINES: '3', WORKER_QUEUES: 'bulk , interactive' });
    expect(config).toMatchObject({ ENGINES: 3, WORKER_QUEUES: ['bulk', 'interactive'] });
  });

  it.each([
    ['ENGINES', 'many', 'auto or a whole number'],
    ['WORKER_QUEUES', 'interactive,fast', 'some of interactive, bulk, cameras, webhooks'],
    ['WORKER_QUEUES', ',', 'some of interactive, bulk, cameras, webhooks'],
    ['ENGINE_TIMEOUT', 'soon', 'a duration'],
    ['LOG_LEVEL', 'loud', 'fatal, error'],
  ])('that are bad are named in the error with what was expected: %s=%s', (name, value, expected) => {
    expect(() => workerConfig({ REDIS_URL: 'redis://localhost', [name]: value })).toThrow(
      new RegExp(`${name} is .*${value}.*; expected .*${expected}`),
    );
  });
});

describe('the environment of engines', () => {
  it('is what is named of the worker’s, and so neither settings nor credentials', () => {
    const env = {
      PATH: '/bin',
      VK_ICD_FILENAMES: '/a.json',
      REDIS_URL: 'redis://x',
      S3_ENDPOINT: 'http://x',
      AWS_PROFILE: 'p',
      WEBHOOK_SECRETS: 'whsec_x',
      NVIDIA_API_KEY: 'k',
      HOME: '/root',
    };
    expect(engineEnvironment(env)).toEqual({ MALLOC_ARENA_MAX: '1', PATH: '/bin', VK_ICD_FILENAMES: '/a.json' });
    expect(engineEnvironment({ MALLOC_ARENA_MAX: '4' })).toEqual({ MALLOC_ARENA_MAX: '4' });
  });
});
