/** The subjects by name, and how each is started. */
import { join } from 'node:path';
import { lastRelease } from '../../test/upgrade/release.ts';
import { startFastApi } from '../peers/fastapi/server.ts';
import { startHuman } from '../peers/human/loops.ts';
import { LoopsSubject } from './loops-subject.ts';
import { startServiceSubject } from './service-subject.ts';
import type { Subject } from './subject.ts';

export interface SubjectOptions {
  /** Path of the model pack for all that can use it; the default one when absent. */
  pack: string | undefined;
}

type Start = (options: SubjectOptions) => Promise<Subject>;

const loop = (name: string) => new URL(`loops/${name}.ts`, import.meta.url);
const packSetting = (pack: string | undefined): Record<string, string> =>
  pack === undefined ? {} : { MODEL_PACK: pack };

const STARTS = {
  lean: ({ pack }) => LoopsSubject.start({ title: 'lean bound', module: loop('lean'), argument: pack }),
  pipeline: ({ pack }) => LoopsSubject.start({ title: 'pipeline', module: loop('pipeline'), argument: pack }),
  pool: ({ pack }) =>
    LoopsSubject.start({ title: 'engine pool', module: loop('pool'), argument: pack, count: 1, callers: true }),
  service: ({ pack }) => startServiceSubject({ title: 'service', env: packSetting(pack) }),
  release: async () => {
    const { version, folder } = await lastRelease();
    return await startServiceSubject({
      title: `release ${version}`,
      env: {},
      main: join(folder, 'apps/cli/src/main.ts'),
    });
  },
  fastapi: ({ pack }) => startFastApi(pack),
  human: () => startHuman(),
} satisfies Record<string, Start>;

export type SubjectName = keyof typeof STARTS;
export const SUBJECTS = Object.keys(STARTS) as SubjectName[];

/** Starts a subject. @throws when it cannot be installed or started here */
export function startSubject(name: SubjectName, options: SubjectOptions): Promise<Subject> {
  return STARTS[name](options);
}
