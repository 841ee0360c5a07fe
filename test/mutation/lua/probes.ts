/** Probes: statements in the scripts that say in Redis' log that a block was entered. They touch no key, as tests look at all of them. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Of the copy in which this runs. */
export const FOLDER = fileURLToPath(new URL('../../../.mutation', import.meta.url));
const LOGS = 'redis-logs';

export const probe = (id: number) => `redis.log(redis.LOG_WARNING, 'entered ${id};')`;

/** Has every Redis server that is started with the returned folder first on PATH write a log. */
export function loggingRedis(tree: string): string {
  const bin = `${tree}/.mutation/bin`;
  const logs = `${tree}/.mutation/${LOGS}`;
  for (const folder of [bin, logs]) mkdirSync(folder, { recursive: true });
  const command = `#!/bin/sh\nPATH="\${PATH#*${bin}:}"\nexec redis-server "$@" --logfile ${logs}/$$\n`;
  writeFileSync(`${bin}/redis-server`, command);
  chmodSync(`${bin}/redis-server`, 0o755);
  return bin;
}

/** The probes that were passed since it was last asked. */
export class ProbeReader {
  readonly #read = new Map<string, number>();

  passed(): Set<number> {
    const ids = new Set<number>();
    for (const name of readdirSync(`${FOLDER}/${LOGS}`)) {
      const bytes = readFileSync(`${FOLDER}/${LOGS}/${name}`);
      const lines = bytes.subarray(this.#read.get(name) ?? 0).toString('latin1');
      this.#read.set(name, bytes.length);
      for (const [, id] of lines.matchAll(/entered (\d+);/g)) ids.add(Number(id));
    }
    return ids;
  }
}
