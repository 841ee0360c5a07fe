import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scriptedJob } from '../../../../packages/client/src/testing/scripted-job.ts';
import { json, problem, startScriptedServer } from '../../../../packages/client/src/testing/scripted-server.ts';
import { type Box, photographBytes, scene } from '../../../../test/support/fixtures/index.ts';
import { type Service, startService } from '../../../../test/support/processes/service.ts';
import { facequeue } from '../testing/facequeue.ts';

const MAIN = new URL('../main.ts', import.meta.url).pathname;
const MARKUP = '<img src=x onerror=alert(1)>.jpg';
/** Where no scene has a face. */
const NOWHERE = { x: 2, y: 2, width: 30, height: 30 };

let folder: string;
const path = (...names: string[]) => join(folder, ...names);
const run = (...args: string[]) => facequeue(['eval', ...args]);
const rows = (file: string) => readFileSync(file, 'utf8').trim().split('\n');

/** Boxes in the form of COCO, by file. */
function coco(images: Record<string, { boxes: Box[]; size?: [number, number]; crowd?: boolean }>): string {
  const entries = Object.entries(images);
  return JSON.stringify({
    images: entries.map(([file_name, { size }], id) => ({
      id,
      file_name,
      ...(size && { width: size[0], height: size[1] }),
    })),
    annotations: entries.flatMap(([, { boxes, crowd }], image_id) =>
      boxes.map(({ x, y, width, height }) => ({
        image_id,
        bbox: [x, y, width, height],
        iscrowd: Number(crowd ?? false),
      })),
    ),
  });
}

/**
 * Three pictures: three faces, of which two are labelled and one is not, and a label where there is no face; one face and such a
 * label; no face.
 */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'facequeue-eval-'));
  const group = await scene({ faces: 3, width: 640, height: 480 });
  const single = await scene({ faces: 1, width: 400, height: 400 });
  writeFileSync(path('group.jpg'), group.bytes);
  writeFileSync(path(MARKUP), single.bytes);
  writeFileSync(path('cup.png'), await photographBytes('no-face-coffee.png'));
  writeFileSync(
    path('faces.json'),
    coco({
      'group.jpg': { boxes: [...group.boxes.slice(0, 2), NOWHERE], size: [640, 480] },
      [MARKUP]: { boxes: [...single.boxes, NOWHERE] },
      'cup.png': { boxes: [] },
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('eval detection', () => {
  it('prints figures, and writes a row for each image and a page of the worst', async () => {
    const files = ['--csv', path('out', 'rows.csv'), '--page', path('out', 'page.html')];
    const { code, stdout, stderr } = await run('detection', path('faces.json'), '--json', ...files);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { figures, failures, profile } = JSON.parse(stdout);
    // Found: 2 of 3 and 1 of 2, of 5 labelled; 4 detected, one of them not labelled. F1 = 2 * 3 / (4 + 5).
    expect(figures).toMatchObject({ images: 3, faces: 5, ignored: 0 });
    expect(figures.operating_point).toEqual({
      confidence: 0.65,
      precision: 3 / 4,
      recall: 3 / 5,
      f1: 6 / 9,
      false_per_image: 1 / 3,
    });
    expect(figures.average_precision).toBeGreaterThan(0.3);
    expect(figures.average_precision).toBeLessThanOrEqual(0.6);
    expect(figures.recall_at.at(-1)).toMatchObject({ false_per_image: 1, recall: 3 / 5 });
    expect({ failures, profile }).toEqual({ failures: [], profile: 'balanced' });

    const [head, ...lines] = rows(path('out', 'rows.csv'));
    expect(head).toBe('file,error,ms,faces,ignored,found,missed,false');
    expect(lines.map((line) => line.replace(/,,[\d.]+,/, ' '))).toEqual([
      'group.jpg 3,0,2,1,1',
      `${MARKUP} 2,0,1,1,0`,
      'cup.png 0,0,0,0,0',
    ]);

    const page = readFileSync(path('out', 'page.html'), 'utf8');
    // The worst first; an image without a mistake is not there.
    expect([...page.matchAll(/<h2>(.*?)<\/h2>\n<p>(.*?)<\/p>/g)].map(([, ...of]) => of)).toEqual([
      ['group.jpg', '2 of 3 faces found, 1 missed, 1 false.'],
      ['&lt;img src=x onerror=alert(1)&gt;.jpg', '1 of 2 faces found, 1 missed, 0 false.'],
    ]);
    // A thumbnail and a close-up for each mistake, and no markup of a name.
    expect(
      page.match(/<img src="data:image\/jpeg;base64,[\w+/=]+" width="\d+" height="\d+" alt="[^"<>]+">/g),
    ).toHaveLength(5);
    expect(page.match(/<img/g)).toHaveLength(5);
    expect(page).not.toMatch(/<script|https?:|src=(?!"data:|x onerror=alert\(1\)&gt;)/);
  });

  it('prints a table', async () => {
    const { code, stdout } = await run('detection', path('faces.json'), '--limit', '1');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Detection: .*faces\.json \(COCO\)\n1 images, facequeue-default \S+ \(cpu\), profile balanced\n3 faces/,
    );
    expect(stdout).toMatch(/^AP@0\.5 \(all-point interpolation\): \d+\.\d %$/m);
    expect(stdout).toMatch(/^ {2}0\.650 +this +66\.7 % +66\.7 % +66\.7 % +1\.000$/m);
  });

  it("reads WIDER FACE's text, and names images that cannot be evaluated", async () => {
    const { boxes } = await scene({ faces: 3, width: 640, height: 480 });
    const line = ({ x, y, width, height }: Box, invalid = 0) =>
      `${[x, y, width, height].map(Math.round).join(' ')} 0 0 0 ${invalid} 0 0 `;
    const lines = ['group.jpg', '3', line(boxes[0]!), line(boxes[1]!), line(boxes[2]!, 1)];
    writeFileSync(path('broken.jpg'), 'no image');
    writeFileSync(
      path('truth.txt'),
      [...lines, 'none.jpg', '1', line(NOWHERE), 'broken.jpg', '0', '0 0 0 0 0 0 0 0 0 0'].join('\n'),
    );
    const { code, stdout, stderr } = await run('detection', path('truth.txt'), '--json');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^none\.jpg: no such file\nbroken\.jpg: the bytes are none of .*\n2 images could not be evaluated\.\n$/,
    );
    const { figures, failures } = JSON.parse(stdout);
    // The third face is marked invalid: found, and counted neither way.
    expect(figures).toMatchObject({ images: 1, faces: 2, ignored: 1, average_precision: 1 });
    expect(figures.operating_point).toMatchObject({ precision: 1, recall: 1 });
    expect(failures.map(({ file }: { file: string }) => file)).toEqual(['none.jpg', 'broken.jpg']);
  });

  it('gives the figures at the confidence of --min-confidence, over the same curve', async () => {
    const args = ['detection', path('faces.json'), '--json', '--min-confidence', '0.99', '--sample', '3'];
    const { figures } = JSON.parse((await run(...args)).stdout);
    expect(figures.operating_point).toMatchObject({ confidence: 0.99, recall: 0, false_per_image: 0 });
    expect(figures.recall_at.at(-1).recall).toBe(3 / 5);
  });

  it('refuses images of another size than the ground truth is for', async () => {
    writeFileSync(path('turned.json'), coco({ 'group.jpg': { boxes: [NOWHERE], size: [480, 640] } }));
    const { code, stdout, stderr } = await run('detection', path('turned.json'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('group.jpg: the image has 640 x 480 px, the ground truth is for 480 x 640\n');
    expect(stderr).toContain('No image could be evaluated.');
  });

  it('refuses damaged ground truth with 2, naming the line', async () => {
    writeFileSync(path('damaged.txt'), 'a.jpg\n1\n1 2 3\n');
    expect(await run('detection', path('damaged.txt'))).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: ${path('damaged.txt')}: line 3: expected the numbers of a face instead of '1 2 3'\n`,
    });
  });

  it('tries again for as long as the service is full', async () => {
    const service = await startScriptedServer();
    const image = { width: 640, height: 480, format: 'jpeg' as const, bytes: 1, orientation: 1 };
    const done = json(scriptedJob('01930000-0000-7000-8000-00000000000a', 'succeeded', { image }), {}, 202);
    service.answers = [...Array.from({ length: 4 }, () => problem('queue_full', { 'retry-after': '0' })), done];
    writeFileSync(path('full.txt'), 'group.jpg\n1\n10 10 40 40\n');
    const { code, stdout } = await run('detection', path('full.txt'), '--server', service.baseUrl, '--json');
    await service.kill();
    expect(JSON.parse(stdout)).toMatchObject({ failures: [], figures: { images: 1 } });
    expect(code).toBe(0);
    expect(service.seen).toHaveLength(5);
  });

  it('prints the figures of what is done when Ctrl-C comes', async () => {
    const service = await startScriptedServer();
    // Two images are answered, of the third nothing is heard.
    const image = { width: 640, height: 480, format: 'jpeg' as const, bytes: 1, orientation: 1 };
    const done = json(scriptedJob('01930000-0000-7000-8000-00000000000a', 'succeeded', { image }), {}, 202);
    service.answers = [done, done, () => {}];
    writeFileSync(path('many.txt'), Array.from({ length: 9 }, () => 'group.jpg\n1\n10 10 40 40\n').join(''));
    const args = ['eval', 'detection', path('many.txt'), '--server', service.baseUrl, '--concurrency', '1', '--json'];
    const child = spawn(process.execPath, [MAIN, ...args]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const ended = once(child, 'close');
    await expect.poll(() => service.seen.length, { timeout: 20_000 }).toBe(3);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    await service.kill();
    expect(stderr).toContain('Interrupted: 2 of 9 images are done, 6 were not started.\n');
    expect(JSON.parse(stdout)).toMatchObject({
      interrupted: true,
      figures: { images: 2, faces: 2, operating_point: { recall: 0 } },
    });
  });
});

describe('eval against a service', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ LOG_LEVEL: 'warn', ENGINES: '1' });
  });
  afterAll(() => service?.[Symbol.asyncDispose]());

  it('gives the figures that the pipeline gives', async () => {
    const here = JSON.parse((await run('detection', path('faces.json'), '--json')).stdout);
    const there = JSON.parse((await run('detection', path('faces.json'), '--json', '--server', service.url)).stdout);
    expect(there).toMatchObject({ answers_from: service.url, model_version: here.model_version });
    // Confidences of an answer have four decimals.
    const { recall_at, best, ...rest } = here.figures;
    expect(there.figures).toMatchObject(rest);
    expect(there.figures.best.f1).toBe(best.f1);
    expect(there.figures.recall_at[2].confidence).toBeCloseTo(recall_at[2].confidence, 3);
  });

  it('measures landmarks and attributes too', async () => {
    const portrait = await photographBytes('portrait-1.jpg');
    mkdirSync(path('served'));
    writeFileSync(path('served', '50_0_1_2017.jpg'), portrait);
    const { code, stdout } = await run('attributes', path('served'), '--json', '--server', service.url);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).figures).toMatchObject({ faces: 1, missed: 0, gender_accuracy: 1 });
    const { stdout: detected } = await facequeue(['detect', '--json', path('served')]);
    writeFileSync(path('served', 'points.jsonl'), detected.replaceAll(`${path('served')}/`, ''));
    const { stdout: landmarks } = await run(
      'landmarks',
      path('served', 'points.jsonl'),
      '--json',
      '--server',
      service.url,
    );
    expect(JSON.parse(landmarks).figures).toMatchObject({ faces: 1, missed: 0, nme: 0, auc: 1 });
  });
});

describe('eval landmarks', () => {
  it('is nearly perfect for what detect printed, and finds a moved point and a missed face', async () => {
    mkdirSync(path('points'));
    for (const name of ['portrait-1.jpg', 'portrait-2.jpg'] as const)
      writeFileSync(path('points', name), await photographBytes(name));
    const { stdout: detected } = await facequeue(['detect', '--json', path('points')]);
    const images = detected
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ file, Faces }) => ({ file: file.replace(`${path('points')}/`, ''), Faces }));
    const points = images[0].Faces[0].landmark_106;
    // All points of the first face 10 px to the right, and a face where there is none.
    const eyes = Math.hypot(points[35].x - points[93].x, points[35].y - points[93].y);
    const moved = points.map(({ x, y }: { x: number; y: number }) => ({ x: x + 10, y }));
    const elsewhere = points.map((_: unknown, i: number) => ({ x: i % 11, y: 3 * i }));
    writeFileSync(
      path('points', 'truth.json'),
      JSON.stringify([
        { ...images[0], Faces: [{ landmark_106: moved }] },
        { ...images[1], Faces: [...images[1].Faces, { landmark_106: elsewhere }] },
      ]),
    );
    const { code, stdout } = await run(
      'landmarks',
      path('points', 'truth.json'),
      '--json',
      '--csv',
      path('points', 'rows.csv'),
      '--page',
      path('points', 'page.html'),
    );
    expect(code).toBe(0);
    const { figures } = JSON.parse(stdout);
    expect(figures).toMatchObject({ faces: 3, missed: 1 });
    // Points of an answer are whole px; those of the pipeline are not.
    expect(figures.nme).toBeCloseTo(100 * (10 / eyes / 2), 0);
    expect(rows(path('points', 'rows.csv'))[0]).toBe('file,error,ms,faces,not_detected,nme,nme_pupils,worst_nme');
    const page = readFileSync(path('points', 'page.html'), 'utf8');
    expect([...page.matchAll(/<h2>(.*?)<\/h2>\n<p>(.*?)<\/p>/g)].map(([, name, caption]) => [name, caption])).toEqual([
      ['portrait-2.jpg', expect.stringMatching(/^not detected, NME 0\.\d %\.$/)],
      ['portrait-1.jpg', expect.stringMatching(/^NME \d+\.\d %\.$/)],
    ]);
  });

  it("reads WFLW's lists", async () => {
    const { stdout: detected } = await facequeue(['detect', '--json', path('group.jpg')]);
    const [face] = JSON.parse(detected).Faces;
    const { x, y } = face.landmark_106[0];
    // A face whose 98 points all lie near the chin of the detected one: none of its overlaps is enough.
    const points = Array.from({ length: 98 }, (_, i) => `${x + (i % 10)} ${y + Math.floor(i / 10)}`).join(' ');
    writeFileSync(path('wflw.txt'), `${points} 0 0 1 1 0 0 0 0 1 0 group.jpg\n`);
    const { code, stdout } = await run('landmarks', path('wflw.txt'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}all +1 +1 +- +- +100\.0 % +0\.000$/m);
    expect(stdout).toMatch(/^ {2}occlusion +1 +1 /m);
    expect(await run('landmarks', path('wflw.txt'), '--no-landmarks')).toMatchObject({ code: 2 });
  });
});

describe('eval attributes', () => {
  it('compares with the names of the images, and leaves other names out', async () => {
    mkdirSync(path('people'));
    writeFileSync(path('people', '50_0_1_20170101000000000.jpg'), await photographBytes('portrait-1.jpg'));
    // A wrong gender, and a picture without a face.
    writeFileSync(path('people', '66_1_0_20170101000000000.jpg'), await photographBytes('portrait-2.jpg'));
    writeFileSync(path('people', '30_1_2_20170101000000000.png'), await photographBytes('no-face-coffee.png'));
    copyFileSync(path('group.jpg'), path('people', 'other.jpg'));
    const files = ['--csv', path('people', 'rows.csv'), '--page', path('people', 'page.html')];
    const { code, stdout, stderr } = await run('attributes', path('people'), '--json', ...files);
    expect(code).toBe(0);
    expect(stderr).toBe('1 images have names without age, gender and origin, and are left out: other.jpg\n');
    const { figures } = JSON.parse(stdout);
    expect(figures).toMatchObject({ faces: 3, missed: 1, gender_accuracy: 0.5 });
    expect(figures.age_error).toBeLessThan(20);
    const byOrigin = figures.by_origin.map((one: { group: string; gender_accuracy: number }) => [
      one.group,
      one.gender_accuracy,
    ]);
    expect(byOrigin.slice(0, 3)).toEqual([
      ['white', 0],
      ['black', 1],
      ['asian', null],
    ]);
    expect(rows(path('people', 'rows.csv')).find((row) => row.startsWith('50_'))).toMatch(
      /,50,male,black,[\d.]+,male,[\d.]+,[\d.]+$/,
    );
    const page = readFileSync(path('people', 'page.html'), 'utf8');
    expect([...page.matchAll(/<p>(.*?)<\/p>/g)].slice(0, 2).map(([, caption]) => caption)).toEqual([
      'female, 30: no face was found.',
      expect.stringMatching(/^female, 66: answered male, \d+\.$/),
    ]);
  });

  it.each([
    [['attributes', '.', '--no-attributes'], /nothing to evaluate/],
    [['detection', 'faces.json', '--api-key', 'k'], /--api-key needs --server/],
    [['detection', 'faces.json', '--sample', '2', '--limit', '2'], /cannot be used with/],
  ])('refuses %j with 2', async ([kind, name, ...options], message) => {
    const { code, stderr } = await run(kind!, path(name!), ...options);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
