import { ConfigError, readConfig } from '@facequeue/schema/config';
import { misspeltSettings } from '@facequeue/service';
import type { z } from 'zod';
import { workerVariables } from './variables.ts';

export type WorkerConfig = z.output<z.ZodObject<typeof workerVariables>> & { REDIS_URL: string };

/**
 * Reads the settings from the environment. No other file of this app reads it.
 * @throws ConfigError naming every bad variable
 */
export function workerConfig(env: Readonly<Record<string, string | undefined>> = process.env): WorkerConfig {
  const config = readConfig(workerVariables, env);
  if (!config.REDIS_URL) {
    throw new ConfigError(
      'REDIS_URL is not set; expected the address of a Redis (`facequeue serve` runs one by itself)',
    );
  }
  return { ...config, REDIS_URL: config.REDIS_URL };
}

/** Environment variables whose names are close to a setting of the worker. */
export const misspelt = () => misspeltSettings(process.env, workerVariables);

/**
 * The environment of engine processes: the worker's without settings and credentials, because engines decode untrusted
 * images. One malloc arena (glibc) unless set otherwise: the few threads of an engine do not contend for
 * it, and each further arena keeps some 30 MB.
 */
export function engineEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  const passedOn = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !(entry[0] in workerVariables) && !/^AWS_/.test(entry[0]),
  );
  return { MALLOC_ARENA_MAX: '1', ...Object.fromEntries(passedOn) };
}
