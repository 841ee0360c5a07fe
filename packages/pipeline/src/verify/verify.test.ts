import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DEFAULT_PACK } from '../pack/load.ts';
import { verifyPack } from './verify.ts';

const REFERENCE = join(dirname(DEFAULT_PACK), 'reference');

async function copied(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-verify-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const part of [
    'manifest.json',
    'licences',
    'detector-yunet.onnx',
    'landmarks-facemesh.onnx',
    'attributes-agegender.onnx',
    'verifier-onet.onnx',
    'refiner-attention.onnx',
  ])
    await cp(join(dirname(DEFAULT_PACK), part), join(folder, part), { recursive: true });
  return folder;
}

const failed = (report: Awaited<ReturnType<typeof verifyPack>>) =>
  report.checks.filter(({ ok }) => !ok).map(({ check, detail }) => `${check} | ${detail}`);

describe('verifying a pack', () => {
  it('passes for the default pack: files, contracts and reference outputs', async () => {
    const report = await verifyPack();
    expect(failed(report)).toEqual([]);
    expect(report.leftOut).toEqual([]);
    expect(report.ok).toBe(true);
    for (const check of [
      'manifest',
      'detector: contract',
      'reference',
      'attributes: reference outputs',
      'pipeline: portrait-2.jpg',
    ])
      expect(report.checks.map(({ check: name }) => name)).toContain(check);
    expect(report.checks).toContainEqual({
      check: 'pipeline: no-face-cat.png',
      ok: true,
      detail: 'no face, as it should be',
    });
  });

  it('detects one changed byte', async () => {
    const folder = await copied();
    const file = join(folder, 'attributes-agegender.onnx');
    const bytes = await readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(file, bytes);
    const report = await verifyPack(join(folder, 'manifest.json'));
    expect(report.ok).toBe(false);
    expect(failed(report)).toEqual([expect.stringMatching(/^attributes: attributes-agegender\.onnx \| sha256 /)]);
  });

  it('detects a file that is cut short, and says by how much', async () => {
    const folder = await copied();
    const file = join(folder, 'attributes-agegender.onnx');
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(1));
    const { length } = bytes;
    expect(failed(await verifyPack(join(folder, 'manifest.json')))).toEqual([
      `attributes: attributes-agegender.onnx | ${length - 1} bytes, the manifest has ${length}`,
    ]);
  });

  it('detects a missing file and a missing licence', async () => {
    const folder = await copied();
    await rm(join(folder, 'detector-yunet.onnx'));
    await rm(join(folder, 'licences'), { recursive: true });
    const failures = failed(await verifyPack(join(folder, 'manifest.json')));
    expect(failures).toHaveLength(6);
    expect(failures[0]).toBe('detector: detector-yunet.onnx | cannot be read: ENOENT');
  });

  it('detects outputs that differ from the reference', async () => {
    const folder = await copied();
    await cp(REFERENCE, join(folder, 'reference'), { recursive: true });
    const file = join(folder, 'reference', 'reference.json');
    const reference = JSON.parse(await readFile(file, 'utf8'));
    reference.model_detector.points[2][0] += 0.03;
    reference.model_attributes.male += 0.003;
    reference.model_verifier.corner.face += 0.003;
    reference.model_refiner.mixed[3].points_in_crop[20][0] += 0.03;
    reference.pipeline['portrait-1.jpg'][0].age += 5;
    reference.pipeline['no-face-cat.png'].push(reference.pipeline['astronaut.png'][0]);
    await rm(file, { force: true });
    await writeFile(file, JSON.stringify(reference));
    const failures = failed(await verifyPack(join(folder, 'manifest.json'), join(folder, 'reference')));
    expect(failures.map((one) => one.split(' | ')[0])).toEqual([
      'detector: reference outputs',
      'attributes: reference outputs',
      'verifier: reference outputs',
      'refiner: reference outputs',
      'pipeline: portrait-1.jpg',
      'pipeline: no-face-cat.png',
    ]);
  });

  it('reports for a pack without reference that its outputs were not checked', async () => {
    const folder = await copied();
    const report = await verifyPack(join(folder, 'manifest.json'));
    expect(report.ok).toBe(true);
    expect(report.leftOut).toEqual(['outputs: no reference was given']);
  });
});
