/** The worker process: reads the configuration, runs a worker, ends it on a signal. */
import { FacequeueError } from '@facequeue/schema';
import { ConfigError } from '@facequeue/schema/config';
import { engineEnvironment, workerConfig } from './config.ts';
import { EngineStartError } from './engines/engine.ts';
import { createLog } from './log.ts';
import { startWorker, type Worker } from './worker.ts';

/** Told to a supervisor that forked this process. */
type Report = { type: 'ready' } | { type: 'failed'; message: string };

/** Resolves when the supervisor has it, or when there is none. */
function report(message: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });
}

/** What an operator can act on is told in a sentence, anything else with its stack. */
function startError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = error instanceof EngineStartError || error instanceof FacequeueError || 'syscall' in error;
  return known || error instanceof ConfigError ? error.message : (error.stack ?? error.message);
}

try {
  const config = workerConfig();
  const log = createLog(config.LOG_LEVEL);
  let worker: Worker | undefined;
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    await worker?.stop();
    log.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  worker = await startWorker(config, engineEnvironment(), log);
  log.info({ worker: worker.id }, 'ready');
  await report({ type: 'ready' });
} catch (error) {
  const message = startError(error);
  if (!process.connected) console.error(`The worker cannot start: ${message}`);
  await report({ type: 'failed', message });
  process.exit(error instanceof ConfigError ? 2 : 1);
}
