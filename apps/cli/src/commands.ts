import type { CommandList } from './program.ts';

/** Every command of `facequeue`: its line in the overview, and its folder. Only the command that runs is loaded. */
export const COMMANDS: CommandList = {
  serve: {
    summary: 'run the whole service: gateway, worker and, without REDIS_URL, a private Redis',
    load: () => import('./serve/command.ts'),
  },
  detect: { summary: 'find the faces in images, without a service', load: () => import('./detect/command.ts') },
  ingest: { summary: 'send any number of images to a service', load: () => import('./ingest/command.ts') },
  watch: { summary: 'find the faces in a camera or a video, frame by frame', load: () => import('./watch/command.ts') },
  jobs: { summary: 'submit, follow, cancel and erase the jobs of a service', load: () => import('./jobs/command.ts') },
  keys: { summary: 'add, list, revoke and rotate API keys', load: () => import('./keys/command.ts') },
  audit: {
    summary: 'check that counters and lists in Redis agree with the jobs',
    load: () => import('./audit/command.ts'),
  },
  eval: {
    summary: 'measure detection, landmarks, age and gender against labelled images',
    load: () => import('./eval/command.ts'),
  },
  models: { summary: 'check or list the files of the model pack', load: () => import('./models/command.ts') },
};
