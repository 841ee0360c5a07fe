import { ConfigError, readConfig } from '@facequeue/schema/config';
import { misspeltSettings } from '@facequeue/service';
import type { z } from 'zod';
import { workerVariables } from './variables.ts';

export type WorkerConfig = z.output<z.ZodObject<typeof workerVariables>> & { REDIS_URL: string };

/**
 * What the environment says. Nothing else in this app reads it.
 * @throws ConfigError naming every bad variable
 */
export function workerConfig(env: Readonly<Record<string, string | undefined>> = process.env): WorkerConfig {
  const config = readConfig(workerVariables, env);
  if (!config.REDIS_URL) throw new ConfigError('REDIS_URL is not set; only `facequeue serve` has a Redis of its own');
  return { ...config, REDIS_URL: config.REDIS_URL };
}

/** Variables of the environment that are nearly settings of the worker. */
export const misspelt = () => misspeltSettings(process.env, workerVariables);

/**
 * The environment of engine processes: this one's without our settings and without credentials. Decoders of untrusted
 * images run there, so what they do not need they do not get. One malloc arena (glibc) unless said otherwise: the few
 * threads of an engine do not contend for it, and each further one keeps some 30 MB.
 */
export function engineEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !(entry[0] in workerVariables) && !/^AWS_/.test(entry[0]),
  );
  return { MALLOC_ARENA_MAX: '1', ...Object.fromEntries(kept) };
}
