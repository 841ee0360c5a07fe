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

/** What an engine gets of the worker's environment: nothing that is not named here, so no secret that nobody thought of. */
const ENGINE_VARIABLES = [
  'PATH',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
  'SystemRoot',
  'NODE_OPTIONS',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
  'MALLOC_ARENA_MAX',
  'XDG_RUNTIME_DIR',
  'VK_ICD_FILENAMES',
  'VK_DRIVER_FILES',
  'VK_ADD_DRIVER_FILES',
  'VK_LAYER_PATH',
  'VK_LOADER_DEBUG',
  'MESA_VK_DEVICE_SELECT',
  'NVIDIA_VISIBLE_DEVICES',
  'NVIDIA_DRIVER_CAPABILITIES',
  'CUDA_VISIBLE_DEVICES',
  'CUDA_DEVICE_ORDER',
  'CUDA_HOME',
  'CUDA_PATH',
  'CUDA_MODULE_LOADING',
  'CUDA_MPS_PIPE_DIRECTORY',
];

/**
 * The environment of engine processes, which decode untrusted images. One malloc arena (glibc) unless set otherwise: the few threads
 * of an engine do not contend for it, and each further arena keeps some 30 MB.
 */
export function engineEnvironment(env: Readonly<Record<string, string | undefined>> = process.env) {
  const passedOn = ENGINE_VARIABLES.flatMap((name): [string, string][] => {
    const value = env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { MALLOC_ARENA_MAX: '1', ...Object.fromEntries(passedOn) };
}
