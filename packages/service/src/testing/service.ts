/** A service as a separate process; its first argument selects its behaviour. */
import { FacequeueError } from '@facequeue/schema';
import { readConfig } from '@facequeue/schema/config';
import { commonVariables, misspeltSettings, runService } from '../index.ts';

class DeviceError extends Error {}

const [plot] = process.argv.slice(2);
const never = new Promise<void>(() => {});

await runService({
  name: 'service',
  readConfig: () => readConfig(commonVariables, process.env),
  misspelt: () => misspeltSettings(process.env, commonVariables),
  isStartError: (error) => error instanceof DeviceError,
  configExitCode: 2,
  async start(_, log) {
    const alive = setInterval(() => {}, 1000);
    if (plot === 'fault') throw new TypeError('x is not a function');
    if (plot === 'redis away') throw new FacequeueError('unavailable', 'no Redis answers');
    if (plot === 'no device') throw new DeviceError('DEVICE=cuda is not there');
    if (plot === 'slow start') {
      log.info('starting');
      await never;
    }
    return {
      facts: { url: 'http://127.0.0.1:1' },
      reload: plot === 'reloads' ? async () => log.info('read again') : undefined,
      async stop() {
        if (plot === 'slow stop') await never;
        if (plot === 'fails to stop') throw new Error('stuck');
        clearInterval(alive);
      },
    };
  },
});
