/** The only file of this app that reads the environment. */
import { readConfig } from '@facequeue/schema/config';
import type { z } from 'zod';
import { serveVariables } from './variables.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;

export type ServeConfig = z.output<z.ZodObject<typeof serveVariables>> & {
  FACEQUEUE_HOME: string;
  /** Handed on to what `serve` starts. */
  environment: NodeJS.ProcessEnv;
};

/** @throws ConfigError naming every bad variable */
export function serveConfig(): ServeConfig {
  const config = readConfig(serveVariables, process.env);
  return { ...config, FACEQUEUE_HOME: config.FACEQUEUE_HOME ?? `${ROOT}.facequeue`, environment: { ...process.env } };
}
