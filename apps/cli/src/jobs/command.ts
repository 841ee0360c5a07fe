import type { Command } from '../commands.ts';
import { callerConfig } from '../config.ts';
import { listenForInterruption } from '../interruption.ts';
import { JOBS_HELP, parseJobsCall } from './options.ts';

export const jobsCommand: Command = {
  parameters: 'submit|status|wait|follow|cancel|erase …',
  summary: 'work with the jobs of a running service',
  help: JOBS_HELP,
  async run(args, output) {
    const { FACEQUEUE_URL, FACEQUEUE_API_KEY } = callerConfig();
    const call = parseJobsCall(args, { service: FACEQUEUE_URL, apiKey: FACEQUEUE_API_KEY });
    const { createClient } = await import('@facequeue/client');
    const { service: baseUrl, apiKey } = call;
    const client = createClient({ baseUrl, ...(apiKey !== undefined && { apiKey }) });
    // Stop when the reader of a pipe does, as in `| head`.
    process.stdout.on('error', () => process.exit(1));
    using interruption = listenForInterruption();
    if (call.action === 'submit') {
      const { submitJobs } = await import('./submit.ts');
      return await submitJobs(call, client, interruption, output);
    }
    if (call.action === 'follow') {
      const { followJob } = await import('./follow.ts');
      return await followJob(call, client, interruption, output);
    }
    const { jobsById } = await import('./by-id.ts');
    return await jobsById({ ...call, action: call.action }, client, interruption, output);
  },
};
