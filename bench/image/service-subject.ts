/** `facequeue serve`, of this checkout or of an earlier release, with callers beside it. */
import { setMaxListeners } from 'node:events';
import { createClient } from '@facequeue/client';
import { descendants } from '../../test/support/processes/process-table.ts';
import { type Service, startService } from '../../test/support/processes/service.ts';
import { startFileServer } from '../../test/support/servers/file-server.ts';
import { COUNT_COLLECTIONS } from '../support/collections/read.ts';
import { FORMS } from './forms.ts';
import { HttpSubject } from './http-subject.ts';
import type { Load, Subject } from './subject.ts';

export interface ServiceOptions {
  title: string;
  /** Settings beside those that the bench needs. */
  env: Record<string, string>;
  /** The program of the command line; that of this checkout when absent. */
  main?: string;
}

/** Starts a service as a subject. @throws with its log when it does not become ready */
export async function startServiceSubject({ title, env, main }: ServiceOptions): Promise<Subject> {
  const files = new Map<string, Uint8Array>();
  const server = await startFileServer(files);
  const settings = { LOG_LEVEL: 'warn', DEVICE: 'cpu', SOURCE_ALLOW: server.host, NODE_OPTIONS: COUNT_COLLECTIONS };
  const service = await startService({ ...settings, ...env }, { main }).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  return new HttpSubject({
    title,
    url: service.url,
    forms: FORMS,
    pictureUrl({ name, bytes }) {
      files.set(`/${name}`, bytes);
      return server.url(`/${name}`);
    },
    runStream: (load) => (load.form === 'batch' ? runBatch(service, load) : runCameras(service, load)),
    processes: () => processesOf(service),
    close: async () => {
      await service.stop();
      await server.close();
    },
  });
}

/** Processes of `facequeue serve`, of this checkout or of 0.1.0, by role. */
function processesOf(service: Service): Record<string, number[]> {
  const pids: Record<string, number[]> = { gateway: [], worker: [], engines: [], redis: [], serve: [service.pid] };
  for (const { pid, command } of descendants(service.pid)) {
    if (command.includes('redis-server')) pids['redis']!.push(pid);
    else if (command.includes('api/src/main.ts')) pids['gateway']!.push(pid);
    else if (command.includes('worker/src/main.ts')) pids['worker']!.push(pid);
    else if (/\/engines?\/main\.ts/.test(command)) pids['engines']!.push(pid);
  }
  return pids;
}

/** Images through batches of the client, as many at a time as it likes. */
async function runBatch({ url }: Service, { picture, ms }: Load): Promise<number[]> {
  const started: number[] = [];
  const end = performance.now() + ms;
  function* items() {
    while (performance.now() < end) {
      started.push(performance.now());
      yield { id: String(started.length - 1), bytes: picture.bytes };
    }
  }
  const samples: number[] = [];
  for await (const { id, status } of createClient({ baseUrl: url }).batchResults(items())) {
    if (status !== 'succeeded') throw new Error(`an item of a batch ended ${status}`);
    samples.push(performance.now() - started[Number(id)]!);
  }
  return samples;
}

/** Each camera posts its next frame when it has read the result of the last one. */
async function runCameras({ url }: Service, { picture, callers, ms }: Load): Promise<number[]> {
  const client = createClient({ baseUrl: url });
  const samples: number[] = [];
  const end = performance.now() + ms;
  await Promise.all(Array.from({ length: callers }, (_, i) => runCamera(`camera-${i}`)));
  return samples;

  async function runCamera(camera: string): Promise<void> {
    const reading = new AbortController();
    setMaxListeners(0, reading.signal);
    let postedAt = 0;
    const post = async () => {
      postedAt = performance.now();
      await client.postFrame(camera, picture);
    };
    const opened = Promise.withResolvers<void>();
    const frames = client.frames(camera, { signal: reading.signal, onOpen: () => opened.resolve() });
    const results = (async () => {
      for await (const { status } of frames) {
        if (status !== 'succeeded') throw new Error(`a frame ended ${status}`);
        samples.push(performance.now() - postedAt);
        if (performance.now() >= end) return;
        await post();
      }
    })();
    await Promise.race([opened.promise, results]);
    await post();
    await results;
    reading.abort();
  }
}
