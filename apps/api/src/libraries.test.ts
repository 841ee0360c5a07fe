import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Prints the libraries that the gateway loads, one a line. */
const PROGRAM = `
import { registerHooks } from 'node:module';
const libraries = new Set();
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const [, library] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(resolved.url) ?? [];
    if (library) libraries.add(library);
    return resolved;
  },
});
await import(${JSON.stringify(new URL('./gateway.ts', import.meta.url).href)});
await import(${JSON.stringify(new URL('./config.ts', import.meta.url).href)});
console.log([...libraries].join('\\n'));
`;

it('the gateway loads no library that its image lacks', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM]);
  const libraries = stdout.split('\n').filter(Boolean);
  expect(libraries).toContain('express');
  expect(libraries.filter((name) => /^(@aws-sdk|@smithy|undici|onnxruntime|sharp)/.test(name))).toEqual([]);
});
