/**
 * An engine that does what the image says, for tests of the worker's reaction. The image is the JSON text of a `Script`. Files
 * in the folder given as settings show tests what happened inside.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FacequeueError } from '@facequeue/schema';
import { encodeResult } from '@facequeue/schema/result-codec';
import { serveParent } from '../child.ts';

export interface Script {
  /** Name of the image. Each start of an image appends its name and the engine's pid to the file `images`. */
  name: string;
  /**
   * crash: SIGKILL itself; exit: with code 3; hang: block the thread; wait: until the file `go` exists; print: a line and a blank one to each output, not through
   * Node, as native libraries do; abort: print, then abort; chatter: print very many lines, the first longer than a pipe takes at once;
   * report: say again and again that there are so many pixels or faces, and otherwise as wait.
   */
  do:
    | 'answer'
    | 'crash'
    | 'crash once'
    | 'exit once'
    | 'crash, then hang'
    | 'hang'
    | 'hang once'
    | 'wait'
    | 'refuse'
    | 'fault'
    | 'grow'
    | 'print'
    | 'abort'
    | 'chatter'
    | 'report';
  pixels?: number;
  faces?: number;
}

/** The settings of the engine. */
export interface FaultySettings {
  folder: string;
  /** How the start of the engine fails; `never ends` loads for ever. */
  start?: 'unusable' | 'crash' | 'second unusable' | 'never ends';
  device?: string;
}

serveParent(async (settings) => {
  const { folder, start, device = 'cpu' } = settings as FaultySettings;
  // A file makes the start of later engines fail.
  const failure = start ?? (existsSync(join(folder, 'broken')) ? 'crash' : undefined);
  appendFileSync(join(folder, 'starts'), `${process.pid}\n`);
  const second = readFileSync(join(folder, 'starts'), 'utf8').trim().includes('\n');
  if (failure === 'unusable' || (failure === 'second unusable' && second)) throw new Error('no such device');
  if (failure === 'crash') process.kill(process.pid, 'SIGKILL');
  if (failure === 'never ends') await new Promise(() => {});
  let rssAdded = 0;
  return {
    facts: { device, models: { name: 'faulty', version: '1.0.0' } },
    async detect({ bytes }, report) {
      const script = JSON.parse(new TextDecoder().decode(bytes)) as Script;
      appendFileSync(join(folder, 'images'), `${script.name} ${process.pid}\n`);
      let act: string = script.do;
      if (act.endsWith(' once')) {
        const marker = join(folder, `${script.name}.marker`);
        act = existsSync(marker) ? 'answer' : act.replace(' once', '');
        writeFileSync(marker, '');
      }
      if (act === 'crash, then hang') {
        const marker = join(folder, `${script.name}.marker`);
        act = existsSync(marker) ? 'hang' : 'crash';
        writeFileSync(marker, '');
      }
      if (act === 'crash') process.kill(process.pid, 'SIGKILL');
      if (act === 'exit') process.exit(3);
      if (act === 'hang') for (;;);
      if (act === 'wait' || act === 'report') {
        while (!existsSync(join(folder, 'go'))) {
          if (script.pixels !== undefined) report.pixels(script.pixels);
          if (script.faces !== undefined) report.faces(script.faces);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      if (act === 'print' || act === 'abort') for (const fd of [1, 2]) writeSync(fd, `${script.name} on ${fd}\n \n`);
      if (act === 'abort') process.abort();
      if (act === 'chatter') writeSync(2, `${'x'.repeat(300_000)}\n${'line\n'.repeat(1000)}`);
      if (act === 'refuse') throw new FacequeueError('image_undecodable', 'no image');
      if (act === 'fault') throw new Error('a bug');
      if (act === 'grow') rssAdded = 1e12;
      if (rssAdded) process.memoryUsage.rss = () => rssAdded;
      return {
        result: encodeResult({ Faces: [], FaceModelVersion: script.name.slice(0, 20) }),
        details: null,
        image: { width: 1, height: 1, format: 'png', bytes: bytes.length, orientation: 1 },
        timings: { decode: 1, detect: 1 },
      };
    },
  };
});
