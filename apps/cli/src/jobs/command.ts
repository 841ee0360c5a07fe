import { listenForInterruption } from '../interruption.ts';
import { addHelpParagraphs } from '../options/help.ts';
import { openClient } from '../options/server.ts';
import { milliseconds } from '../options/values.ts';
import { exitWithPipe } from '../output.ts';
import type { CommandModule } from '../program.ts';
import type { IdsAction } from './by-id.ts';
import {
  addIdOptions,
  addSubmitOptions,
  type IdsFlags,
  readIdsCall,
  readSubmitCall,
  type SubmitFlags,
} from './options.ts';

export const define: CommandModule['define'] = (command, output, run) => {
  addHelpParagraphs(
    command.description('Works with the jobs of a running service.'),
    '`help jobs submit` has the options of submit, and so on for the others. Ctrl-C leaves the jobs running and prints which.',
    'Exit codes: 0 done, 1 a job failed, was not found or could not be submitted, 2 the command line was not understood, 130 Ctrl-C.',
  );

  addSubmitOptions(command.command('submit').description('submit images and print their jobs')).action(
    run(async (args: string[], flags: SubmitFlags) => {
      const call = readSubmitCall(args, flags);
      const client = await openClient(call);
      const { submitJobs } = await import('./submit.ts');
      exitWithPipe();
      using interruption = listenForInterruption();
      return await submitJobs(call, client, interruption, output);
    }),
  );

  const byId = (action: IdsAction) =>
    run(async (ids: string[], flags: IdsFlags) => {
      const call = readIdsCall(ids, flags);
      const client = await openClient(call);
      const { jobsById } = await import('./by-id.ts');
      exitWithPipe();
      using interruption = listenForInterruption();
      return await jobsById(action, call, client, interruption, output);
    });
  addIdOptions(command.command('status').description('print jobs as they are'), true).action(byId('status'));
  addIdOptions(command.command('wait').description('print jobs when they have ended'), true)
    .optionsGroup('Options:')
    .option('--timeout <SECONDS>', 'stop waiting then; the jobs continue', milliseconds)
    .action(byId('wait'));
  addIdOptions(command.command('follow').description('print each change of a job until its end'), false).action(
    run(async (id: string, flags: IdsFlags) => {
      const call = readIdsCall([id], flags);
      const client = await openClient(call);
      const { followJob } = await import('./follow.ts');
      exitWithPipe();
      using interruption = listenForInterruption();
      return await followJob(id, call, client, interruption, output);
    }),
  );
  addIdOptions(command.command('cancel').description('cancel jobs that have not ended'), true).action(byId('cancel'));
  addIdOptions(
    command.command('erase').description('cancel jobs, and erase their images and results immediately'),
    true,
  ).action(byId('erase'));
};
