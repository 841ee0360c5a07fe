/** `facequeue serve` with the fake gateway and worker beside this file. */
import { serveConfig } from '../../config.ts';
import { serve } from '../serve.ts';

const program = (name: string) => new URL(name, import.meta.url).pathname;

process.exitCode = await serve(
  serveConfig(),
  { stderr: (line) => console.error(line) },
  {
    gateway: program('gateway.ts'),
    worker: program('worker.ts'),
  },
);
