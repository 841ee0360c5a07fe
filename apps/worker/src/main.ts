/** The worker process. */
import { runService } from '@facequeue/service';
import { engineEnvironment, misspelt, workerConfig } from './config.ts';
import { EngineStartError } from './engines/engine.ts';
import { startWorker } from './worker.ts';

await runService({
  name: 'worker',
  readConfig: workerConfig,
  misspelt,
  configExitCode: 2,
  isStartError: (error) => error instanceof EngineStartError,
  async start(config, log) {
    const worker = await startWorker(config, engineEnvironment(), log);
    log.info({ worker: worker.id }, 'ready');
    return { stop: () => worker.stop() };
  },
});
