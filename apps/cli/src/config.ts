/** The only file of this app that reads the environment. */

import { pipelineVariables } from '@facequeue/pipeline/variables';
import { readConfig } from '@facequeue/schema/config';
import { misspeltSettings } from '@facequeue/service/misspelt';
import { sourceVariables } from '@facequeue/source/variables';
import type { z } from 'zod';
import { callerVariables, serveVariables } from './variables.ts';

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

/** Variables of the environment that are nearly settings of `serve` itself; the gateway and the worker look for their own. */
export const misspeltServeSettings = () => misspeltSettings(process.env, serveVariables);

const detectVariables = { ...pipelineVariables, ...sourceVariables };
export type DetectConfig = z.output<z.ZodObject<typeof detectVariables>>;

/**
 * @param device instead of DEVICE
 * @throws ConfigError naming every bad variable
 */
export function detectConfig(device?: string): DetectConfig {
  return readConfig(detectVariables, { ...process.env, ...(device !== undefined && { DEVICE: device }) });
}

/** @throws ConfigError */
export function modelsConfig(): { MODEL_PACK: string } {
  return readConfig({ MODEL_PACK: pipelineVariables.MODEL_PACK }, process.env);
}

/** @throws ConfigError naming every bad variable */
export function callerConfig(): z.output<z.ZodObject<typeof callerVariables>> {
  return readConfig(callerVariables, process.env);
}
