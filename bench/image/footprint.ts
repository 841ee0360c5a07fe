/** Time of a warm start, and memory of a service with one engine. */
import { residentBytes } from '../../test/support/processes/process-table.ts';
import { USUAL_CALLERS } from './cases.ts';
import type { Picture } from './pictures.ts';
import { startServiceSubject } from './service-subject.ts';

export interface FootprintFigures {
  /** Seconds from the command to `ready`, with packages and Redis already installed. */
  readySeconds: number;
  images: number;
  /** Resident MB after the images, by role. */
  resident: Record<string, number>;
  workerAndEngine: number;
}

/** Starts a service with one engine, sends it images, and reads its memory. @param ms how long images are sent */
export async function footprint(picture: Picture, env: Record<string, string>, ms: number): Promise<FootprintFigures> {
  const start = performance.now();
  await using service = await startServiceSubject({ title: 'service', env: { ...env, ENGINES: '1' } });
  const readySeconds = (performance.now() - start) / 1000;
  const samples = await service.run({ picture, form: 'raw', callers: USUAL_CALLERS, ms });
  const { caller: _, ...processes } = service.processes();
  const resident = Object.fromEntries(
    Object.entries(processes).map(([role, pids]) => [
      role,
      pids.reduce((sum, pid) => sum + residentBytes(pid), 0) / 1e6,
    ]),
  );
  const workerAndEngine = resident['worker']! + resident['engines']!;
  return { readySeconds, images: samples.length, resident, workerAndEngine };
}
