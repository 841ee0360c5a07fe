/**
 * An engine that does what the image says, for tests of what the parent does about it. The image is the text of an
 * `Order`; what an order writes goes to the folder given as settings, so that tests see what happened inside.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FacequeueError } from '@facequeue/schema';
import { encodeResult } from '@facequeue/schema/result-codec';
import { serveParent } from '../child.ts';

export interface Order {
  /** Names the image in `seen`, a line for each time one was begun: its name and the engine's pid. */
  name: string;
  /**
   * crash: SIGKILL to itself; hang: block the thread; wait: until the file `go` is there; print: a line to each of its outputs, past
   * Node, as native libraries do; abort: print, and die of it; chatter: a very long line and very many.
   */
  do:
    | 'answer'
    | 'crash'
    | 'crash once'
    | 'hang'
    | 'hang once'
    | 'wait'
    | 'refuse'
    | 'fault'
    | 'grow'
    | 'print'
    | 'abort'
    | 'chatter';
}

/** What the parent passes as settings. */
export interface FaultySettings {
  folder: string;
  /** What happens when the engine starts. */
  start?: 'unusable' | 'crash' | 'second unusable';
  device?: string;
}

serveParent(async (settings) => {
  const { folder, start, device = 'cpu' } = settings as FaultySettings;
  // A file lets a test change the mind of engines that are started later.
  const ill = start ?? (existsSync(join(folder, 'ill')) ? 'crash' : undefined);
  appendFileSync(join(folder, 'starts'), `${process.pid}\n`);
  const second = readFileSync(join(folder, 'starts'), 'utf8').trim().includes('\n');
  if (ill === 'unusable' || (ill === 'second unusable' && second)) throw new Error('no such device');
  if (ill === 'crash') process.kill(process.pid, 'SIGKILL');
  let rssAdded = 0;
  return {
    facts: { device, reason: 'asked for', models: { name: 'faulty', version: '1.0.0' } },
    async detect({ bytes }) {
      const order = JSON.parse(new TextDecoder().decode(bytes)) as Order;
      appendFileSync(join(folder, 'seen'), `${order.name} ${process.pid}\n`);
      let act: string = order.do;
      if (act.endsWith(' once')) {
        const marker = join(folder, `${order.name}.met`);
        act = existsSync(marker) ? 'answer' : act.replace(' once', '');
        writeFileSync(marker, '');
      }
      if (act === 'crash') process.kill(process.pid, 'SIGKILL');
      if (act === 'hang') for (;;);
      if (act === 'wait')
        while (!existsSync(join(folder, 'go'))) await new Promise((resolve) => setTimeout(resolve, 5));
      if (act === 'print' || act === 'abort') for (const fd of [1, 2]) writeSync(fd, `${order.name} on ${fd}\n`);
      if (act === 'abort') process.abort();
      if (act === 'chatter') writeSync(2, `${'x'.repeat(10_000)}\n${'line\n'.repeat(1000)}`);
      if (act === 'refuse') throw new FacequeueError('image_undecodable', 'no image');
      if (act === 'fault') throw new Error('a bug');
      if (act === 'grow') rssAdded = 1e12;
      if (rssAdded) process.memoryUsage.rss = () => rssAdded;
      return {
        result: encodeResult({ Faces: [], FaceModelVersion: order.name.slice(0, 20) }),
        image: { width: 1, height: 1, format: 'png', bytes: bytes.length, orientation: 1 },
        timings: { decode: 1, detect: 1 },
      };
    },
  };
});
