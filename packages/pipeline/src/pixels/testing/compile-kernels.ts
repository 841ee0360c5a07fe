/** `npm run kernels`: compiles `kernels/kernels.ts` to `kernels/kernels.wasm`. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const path = (name: string) => fileURLToPath(new URL(`../../../kernels/${name}`, import.meta.url));

/** No language run time: no heap, no data, no exceptions. The memory is the arena's. */
const OPTIONS = [
  '--runtime=stub',
  '--use=abort=',
  '--importMemory',
  '--noExportMemory',
  '--enable=simd',
  '-O3',
  '--converge',
];

/**
 * Compiles the kernels. The compiler's version is pinned, so the same source gives the same bytes.
 * @throws Error with what the compiler says
 */
export async function compileKernels(): Promise<Uint8Array> {
  const source = await readFile(path('kernels.ts'), 'utf8');
  let compiled: Uint8Array | undefined;
  const { error, stderr } = await asc.main(['kernels.ts', '--outFile=kernels.wasm', ...OPTIONS], {
    readFile: (name) => (name === 'kernels.ts' ? source : null),
    writeFile: (_name, content) => {
      compiled = content as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !compiled) throw new Error(`the kernels do not compile: ${stderr.toString()}`);
  return compiled;
}

if (import.meta.main) await writeFile(path('kernels.wasm'), await compileKernels());
