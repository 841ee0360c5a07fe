/**
 * Loaded into a worker and its engines by NODE_OPTIONS; in an engine it runs the program that its own URL names in `program` with the
 * arguments in `args`, and prints what that prints.
 */
import { spawnSync } from 'node:child_process';

const { searchParams } = new URL(import.meta.url);
if (process.argv[1]?.endsWith('engines/main.ts')) {
  const args = JSON.parse(searchParams.get('args')!) as string[];
  // Its parent is the engine's, as exec keeps it.
  const { stdout, stderr } = spawnSync(
    searchParams.get('program')!,
    [args[0]!, [...args[1]!].reverse().join(''), String(process.ppid), ...args.slice(2), process.env['TMPDIR']!],
    {
      encoding: 'utf8',
    },
  );
  for (const line of `${stdout}${stderr}`.trim().split('\n')) console.log(`probe: ${line}`);
}
