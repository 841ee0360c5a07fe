import { addHelpParagraphs } from '../options/help.ts';
import type { CommandModule } from '../program.ts';

interface AuditFlags {
  redis?: string;
  prefix?: string;
  json?: boolean;
}

export const define: CommandModule['define'] = (command, output, run) => {
  command
    .description(
      `Checks that the counters, lists and schedules of an installation in Redis agree with its records. It only reads, and may run while the installation works: what is changing is not reported.`,
    )
    .option('--redis <URL>', 'default: REDIS_URL, else the private Redis of `serve` in FACEQUEUE_HOME')
    .option('--prefix <PREFIX>', 'prefix of every key (default: QUEUE_PREFIX, else {fq})')
    .option('--json', 'the findings and the number of jobs by status as one JSON object')
    .action(
      run(async ({ redis, prefix, json = false }: AuditFlags) => {
        const { auditConfig } = await import('../config.ts');
        const config = auditConfig(redis, prefix);
        const { auditRedis } = await import('./audit.ts');
        return auditRedis(config, json, output);
      }),
    );
  addHelpParagraphs(
    command,
    'Prints a finding a line. Exit codes: 0 everything agrees, 1 there are findings or Redis cannot be used, 2 the command line was not understood.',
  );
};
