import { execFile } from 'node:child_process';

const MAIN = new URL('../main.ts', import.meta.url).pathname;

/** Runs the real command to its end. */
export function facequeue(args: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const settings = { env: { ...process.env, ...env }, maxBuffer: 64 << 20 };
    execFile(process.execPath, [MAIN, ...args], settings, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}
