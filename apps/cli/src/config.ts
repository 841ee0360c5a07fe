/** The only file of this app that reads the environment. */

import { pipelineVariables } from '@facequeue/pipeline/variables';
import { queueVariables } from '@facequeue/queue/variables';
import { readConfig } from '@facequeue/schema/config';
import { misspeltSettings } from '@facequeue/service/misspelt';
import { sourceVariables } from '@facequeue/source/variables';
import type { z } from 'zod';
import { callerVariables, keysVariables, serveVariables } from './variables.ts';

const DEFAULT_HOME = new URL('../../../.facequeue', import.meta.url).pathname;

export type ServeConfig = z.output<z.ZodObject<typeof serveVariables>> & {
  FACEQUEUE_HOME: string;
  QUEUE_PREFIX: string;
  /** Passed to the processes that `serve` starts. */
  environment: NodeJS.ProcessEnv;
};

/** @throws ConfigError naming every bad variable */
export function serveConfig(): ServeConfig {
  const config = readConfig({ ...serveVariables, QUEUE_PREFIX: queueVariables.QUEUE_PREFIX }, process.env);
  return { ...config, FACEQUEUE_HOME: config.FACEQUEUE_HOME ?? DEFAULT_HOME, environment: { ...process.env } };
}

/** Variables of the environment that are nearly settings of `serve` itself. The gateway and the worker check their own. */
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

export type EvalConfig = z.output<z.ZodObject<typeof pipelineVariables>>;

/**
 * @param device instead of DEVICE
 * @throws ConfigError naming every bad variable
 */
export function evalConfig(device?: string): EvalConfig {
  return readConfig(pipelineVariables, { ...process.env, ...(device !== undefined && { DEVICE: device }) });
}

/** @throws ConfigError */
export function modelsConfig(): { MODEL_PACK: string } {
  return readConfig({ MODEL_PACK: pipelineVariables.MODEL_PACK }, process.env);
}

/** @throws ConfigError naming every bad variable */
export function callerConfig(): z.output<z.ZodObject<typeof callerVariables>> {
  return readConfig(callerVariables, process.env);
}

/** @throws ConfigError */
export function keysConfig(): z.output<z.ZodObject<typeof keysVariables>> {
  return readConfig(keysVariables, process.env);
}

const auditVariables = {
  REDIS_URL: serveVariables.REDIS_URL,
  QUEUE_PREFIX: queueVariables.QUEUE_PREFIX,
  FACEQUEUE_HOME: serveVariables.FACEQUEUE_HOME,
};
export type AuditConfig = z.output<z.ZodObject<typeof auditVariables>> & { FACEQUEUE_HOME: string };

/**
 * @param redis instead of REDIS_URL
 * @param prefix instead of QUEUE_PREFIX
 * @throws ConfigError naming every bad variable
 */
export function auditConfig(redis?: string, prefix?: string): AuditConfig {
  const config = readConfig(auditVariables, {
    ...process.env,
    ...(redis !== undefined && { REDIS_URL: redis }),
    ...(prefix !== undefined && { QUEUE_PREFIX: prefix }),
  });
  return { ...config, FACEQUEUE_HOME: config.FACEQUEUE_HOME ?? DEFAULT_HOME };
}
