/** The gateway process. Whoever forked it hears `{type: 'ready', url}` or `{type: 'failed', message}`. */
import { openFilesLimit } from '@facequeue/metrics';
import { openGatewayQueue } from '@facequeue/queue';
import { isFacequeueError } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';
import { pino } from 'pino';
import { gatewayConfig, queueOptions } from './config.ts';
import { startGateway } from './gateway.ts';
import { throttleErrors } from './trouble.ts';

/** Each caller that waits holds a connection; with fewer open files than this, a busy hour runs out of them. */
const ENOUGH_OPEN_FILES = 4096;

async function main(): Promise<void> {
  const config = gatewayConfig();
  const log = pino({ level: config.LOG_LEVEL, base: { app: 'gateway' }, timestamp: pino.stdTimeFunctions.isoTime });
  const limit = openFilesLimit();
  if (limit !== null && limit < ENOUGH_OPEN_FILES) {
    log.warn(
      { limit, expected: ENOUGH_OPEN_FILES },
      'few open files allowed (ulimit -n): many waiting callers will not fit',
    );
  }
  const queue = await openGatewayQueue(queueOptions(config, throttleErrors(log))).catch((error) => {
    if (!isFacequeueError(error)) throw error;
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new ConfigError(`no Redis answers at ${publicAddress(config.REDIS_URL!)} (REDIS_URL)${cause}`);
  });
  const gateway = await startGateway(config, queue, log);
  log.info({ url: gateway.url }, `gateway listens on ${gateway.url}`);
  process.send?.({ type: 'ready', url: gateway.url });

  // A second signal ends the process at once, as it does by default.
  const stopped = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve(signal));
  const signal = await stopped.promise;
  log.info({ signal, grace_ms: config.SHUTDOWN_GRACE }, 'gateway stops');
  await gateway.close(config.SHUTDOWN_GRACE);
  await queue.close();
  log.info('gateway stopped');
}

/** An address without user name and password. */
function publicAddress(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const message = error instanceof ConfigError ? error.message : String((error as Error)?.stack ?? error);
  if (!process.send) {
    console.error(message);
    process.exit(1);
  }
  process.send({ type: 'failed', message }, () => process.exit(1));
}
