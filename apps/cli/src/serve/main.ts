/** The process of `facequeue serve`, once its settings have been checked (small-process.ts). */
import { passedConfig } from './config.ts';
import { serve } from './serve.ts';

// A terminal that was closed must not prevent an orderly stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.exitCode = await serve(await passedConfig(process.argv[2]!), { stderr: (line) => console.error(line) });
