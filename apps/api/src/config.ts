import { admissionLimits, type GatewayQueueOptions } from '@facequeue/queue';
import { ConfigError, readConfig } from '@facequeue/schema/config';
import { misspeltSettings } from '@facequeue/service';
import { type GatewayConfig, gatewayVariables } from './variables.ts';

/** @throws ConfigError naming every bad variable */
export function gatewayConfig(): GatewayConfig {
  return readConfig(gatewayVariables, process.env);
}

/** Environment variables whose names are close to a setting of the gateway. */
export const misspelt = () => misspeltSettings(process.env, gatewayVariables);

/**
 * The options of the queue.
 * @param onError called for background errors
 * @throws ConfigError when REDIS_URL is not set
 */
export function queueOptions(config: GatewayConfig, onError: (error: Error) => void): GatewayQueueOptions {
  if (!config.REDIS_URL) {
    throw new ConfigError(
      'REDIS_URL is not set; expected the address of a Redis (`facequeue serve` runs one by itself)',
    );
  }
  return {
    url: config.REDIS_URL,
    prefix: config.QUEUE_PREFIX,
    limits: admissionLimits(config),
    resultTtlMs: config.RESULT_TTL,
    batchTtlMs: config.BATCH_TTL,
    maxCameras: config.MAX_CAMERAS,
    maxOpenBatches: config.MAX_OPEN_BATCHES,
    onError,
  };
}
