// @ts-check
/** Everything that guards main, in order. */
import { askForAdvisories, installChromium, installPrograms, installPython, startDocker } from './machine.js';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string[]} command
 * @property {number} minutes several times what it takes on two cores
 * @property {boolean} [vitest] its tests are counted one by one, and file names may be added to the command
 * @property {string[]} [files] those of a vitest run; all of its configuration when absent
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(machine: import('./machine.js').Machine) => Promise<string | null>} [prepare]
 *   installs what the check needs; resolves to the reason when the check has to be skipped
 */

/** @param {string} script */
const npm = (script) => ['npm', 'run', '--silent', script];

/** @type {readonly Check[]} */
export const CHECKS = [
  // The README's command first of all: it installs what everything else needs.
  {
    name: 'tests',
    command: ['npm', 'test'],
    minutes: 35,
    vitest: true,
    prepare: installPrograms,
    env: { TEST_FFMPEG: 'required' },
  },
  { name: 'types', command: npm('types'), minutes: 3 },
  { name: 'lint', command: npm('lint'), minutes: 3 },
  { name: 'directions', command: npm('directions'), minutes: 3 },
  { name: 'models', command: npm('models:verify'), minutes: 3 },
  { name: 'licences', command: npm('licences'), minutes: 3 },
  // Fails when the list is not valid.
  { name: 'sbom', command: npm('sbom'), minutes: 3 },
  { name: 'advisories', command: npm('advisories'), minutes: 3, prepare: askForAdvisories },
  // What makes the calls is installed from PyPI into .cache/ first, about 10 s.
  { name: 'openapi', command: npm('test:openapi'), minutes: 8, prepare: installPython },
  { name: 'planted-faults', command: npm('test:ci'), minutes: 6 },
  // A short run of docs/reliability.md's bench: what its seed decides is the same each time, how long things take is not.
  {
    name: 'chaos',
    command: [...npm('chaos'), '--', ...'--jobs 500 --faults 14 --seed 1 --longest 3 --lanes 16'.split(' ')],
    minutes: 8,
  },
  { name: 'webgpu', command: npm('test:webgpu'), minutes: 12, vitest: true, prepare: installChromium },
  { name: 'browser', command: npm('test:browser'), minutes: 6, vitest: true, prepare: installChromium },
  // The last release is installed from npm's registry into .cache/ first, about 20 s.
  { name: 'upgrade', command: npm('test:upgrade'), minutes: 10, vitest: true },
  { name: 'fresh-clone', command: npm('test:fresh-clone'), minutes: 10 },
  {
    name: 'redis-container',
    command: ['npm', 'test'],
    files: ['packages/queue/'],
    minutes: 10,
    vitest: true,
    prepare: startDocker,
    env: { TEST_REDIS: 'docker' },
  },
  { name: 'compose', command: npm('test:compose'), minutes: 15, prepare: startDocker },
];
