import { readConfig } from '@facequeue/schema/config';
import type { z } from 'zod';
import { workerVariables } from './variables.ts';

export type WorkerConfig = z.output<z.ZodObject<typeof workerVariables>>;

/**
 * What the environment says. Nothing else in this app reads it.
 * @throws ConfigError naming every bad variable
 */
export function workerConfig(): WorkerConfig {
  return readConfig(workerVariables, process.env);
}

/**
 * The environment of engine processes: this one's without our settings and without credentials. Decoders of untrusted
 * images run there, so what they do not need they do not get.
 */
export function engineEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !(entry[0] in workerVariables) && !/^AWS_/.test(entry[0]),
  );
  return Object.fromEntries(kept);
}
