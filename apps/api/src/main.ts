/** The gateway process. */
import { openFilesLimit } from '@facequeue/metrics';
import { type GatewayQueue, openGatewayQueue } from '@facequeue/queue';
import { isFacequeueError } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';
import { type Logger, runService } from '@facequeue/service';
import { gatewayConfig, misspelt, queueOptions } from './config.ts';
import { startGateway } from './gateway.ts';
import type { GatewayConfig } from './variables.ts';

/** Each caller that waits holds a connection; with fewer open files than this, a busy hour runs out of them. */
const ENOUGH_OPEN_FILES = 4096;

await runService({
  name: 'gateway',
  readConfig: gatewayConfig,
  misspelt,
  // As in 0.1.0, where units and scripts may count on it; the worker's is 2.
  configExitCode: 1,
  async start(config, log) {
    warnOfFewOpenFiles(log);
    const queue = await openQueue(config, log);
    const gateway = await startGateway(config, queue, log);
    log.info({ url: gateway.url }, `listening on ${gateway.url}`);
    return {
      facts: { url: gateway.url },
      reload: config.API_KEYS_FILE === undefined ? undefined : () => gateway.reloadKeys(),
      async stop() {
        await gateway.close(config.SHUTDOWN_GRACE);
        await queue.close();
      },
    };
  },
});

function warnOfFewOpenFiles(log: Logger): void {
  const limit = openFilesLimit();
  if (limit === null || limit >= ENOUGH_OPEN_FILES) return;
  log.warn(
    { limit, expected: ENOUGH_OPEN_FILES },
    'few open files allowed (ulimit -n): many waiting callers will not fit',
  );
}

/** @throws ConfigError when no Redis answers */
async function openQueue(config: GatewayConfig, log: Logger): Promise<GatewayQueue> {
  const onError = (error: Error) => log.warn({ err: error }, 'queue error');
  try {
    return await openGatewayQueue(queueOptions(config, onError));
  } catch (error) {
    if (!isFacequeueError(error)) throw error;
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new ConfigError(`no Redis answers at ${publicAddress(config.REDIS_URL!)} (REDIS_URL)${cause}`);
  }
}

/** An address without user name and password. */
function publicAddress(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
