/** A process that compares the devices of this machine, confined like an engine. Started by the worker, never by hand. */
import { chooseDevice } from '@facequeue/pipeline';
import type { Comparison } from './engine-plan.ts';

const { packPath, engines } = JSON.parse(process.argv[2]!) as Comparison;
process.stdout.write(JSON.stringify(await chooseDevice(packPath, engines, true)));
// Native libraries may hang in their exit handlers.
process.kill(process.pid, 'SIGKILL');
