/** What models leave behind: no open session and no file, however their use ends. */
import { writeFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DEFAULT_PACK, loadPack } from '../pack/load.ts';
import { ROLES } from '../pack/manifest.ts';
import { createPipeline } from '../pipeline.ts';
import { batched } from './batch.ts';
import { openModels } from './open.ts';
import { shareOnDevice } from './probe.ts';
import { openSession, type Session } from './session.ts';

vi.mock('./auto.ts', () => ({ chooseDevice: async () => ({ device: 'webgpu', reason: 'fastest' }) }));

type SessionOptions = ort.InferenceSession.SessionOptions;

/** Sessions that were opened: their options, and how often each ran and was released. */
let sessions: { options: ort.InferenceSession.SessionOptions; runs: number; released: number; rows: number[] }[];

beforeEach(() => {
  sessions = [];
  const { create } = ort.InferenceSession;
  vi.spyOn(ort.InferenceSession, 'create').mockImplementation(async (...given: unknown[]) => {
    const [file, asked] = given as [string, ort.InferenceSession.SessionOptions];
    // Where there is no GPU, the CPU does its work, as onnxruntime does with what a device cannot run.
    const session = await create(file, { ...asked, executionProviders: ['cpu'] });
    const one = {
      options: given[1] as ort.InferenceSession.SessionOptions,
      runs: 0,
      released: 0,
      rows: [] as number[],
    };
    sessions.push(one);
    const { run, release } = session;
    session.run = (...of: unknown[]) => {
      one.runs += 1;
      one.rows.push((of[0] as ort.InferenceSession.FeedsType)['faces']?.dims[0] ?? 0);
      return run.apply(session, of as Parameters<typeof run>);
    };
    session.release = () => {
      one.released += 1;
      return release.call(session);
    };
    return session;
  });
});
afterEach(() => void vi.restoreAllMocks());

const released = () => sessions.map(({ released }) => released);

/** The manifest of a copy of the default pack, its models changed. */
async function packWith(change: (models: Record<string, { file: string }>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-release-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const manifest = JSON.parse(await readFile(DEFAULT_PACK, 'utf8'));
  for (const { file } of Object.values<{ file: string }>(manifest.models))
    await cp(join(dirname(DEFAULT_PACK), file), join(folder, file));
  change(manifest.models);
  const path = join(folder, 'manifest.json');
  await writeFile(path, JSON.stringify(manifest));
  return path;
}

describe('a pipeline', () => {
  it('releases each of its models once when it is closed', async () => {
    const pipeline = await createPipeline({ device: 'cpu' });
    expect(released()).toEqual(ROLES.map(() => 0));
    await pipeline.close();
    expect(released()).toEqual(ROLES.map(() => 1));
  });

  it('that cannot be opened releases the models that were', async () => {
    const swapped = await packWith((models) => {
      models['attributes']!.file = models['landmarks']!.file;
    });
    await expect(createPipeline({ packPath: swapped, device: 'cpu' })).rejects.toThrow('no attributes model');
    expect(released()).toEqual([1, 1, 1]);
  });

  it('uses one thread for each model unless it is told another number', async () => {
    for (const [given, threads] of [
      [{}, 1],
      [{ threads: 2 }, 2],
    ] as const) {
      sessions = [];
      await using _pipeline = await createPipeline({ device: 'cpu', ...given });
      expect(sessions.map(({ options }) => [options.intraOpNumThreads, options.interOpNumThreads])).toEqual(
        ROLES.map(() => [threads, 1]),
      );
    }
  });

  it('keeps no idle thread of a model spinning', async () => {
    await using _pipeline = await createPipeline({ device: 'cpu' });
    for (const { options } of sessions)
      expect(options.extra).toMatchObject({ session: { intra_op: { allow_spinning: '0' } } });
  });

  it('runs every model when it is warmed up', async () => {
    await using pipeline = await createPipeline({ device: 'cpu' });
    await pipeline.warm();
    for (const { runs } of sessions) expect(runs).toBeGreaterThanOrEqual(3);
  });

  it('closes the session behind its batches', async () => {
    const close = vi.fn(async () => {});
    const session: Session = { inputs: [], outputs: [], run: async () => ({}), close };
    await batched(session, 16).close();
    expect(close).toHaveBeenCalledOnce();
  });
});

describe('a GPU', () => {
  it('chosen by name that leaves the detector to the CPU is an error', async () => {
    const pack = await loadPack(DEFAULT_PACK);
    await expect(openModels(pack, 'webgpu', 1)).rejects.toThrow(
      'DEVICE=webgpu cannot be used: it leaves part of the detector to the CPU',
    );
    expect(released()).toEqual([1]);
    expect(sessions[0]!.options.executionProviders).toEqual(['webgpu', 'cpu']);
  });

  it.each([
    ['cuda', 'cuda'],
    ['cuda:1', { name: 'cuda', deviceId: 1 }],
    ['tensorrt:0', { name: 'tensorrt', deviceId: 0 }],
  ] as const)(
    '%s is opened by its number, which onnxruntime takes apart from the provider',
    async (device, provider) => {
      const pack = await loadPack(DEFAULT_PACK);
      const session = await openSession(pack.file('detector'), { device, threads: 1 });
      await session.close();
      expect(sessions[0]!.options.executionProviders).toEqual([provider, 'cpu']);
    },
  );

  it('chosen by name that cannot be opened is an error with the reason', async () => {
    const pack = await loadPack(DEFAULT_PACK);
    const reason = new Error('no adapter\nat native code');
    vi.mocked(ort.InferenceSession.create).mockRejectedValueOnce(reason);
    await expect(openModels(pack, 'webgpu', 1)).rejects.toMatchObject({
      name: 'DeviceError',
      message: 'DEVICE=webgpu cannot be used: no adapter',
      cause: reason,
    });
  });

  it('gets at most 16 crops that wait in one run, a CPU each by itself', async () => {
    const pack = await loadPack(DEFAULT_PACK);
    const { size } = pack.manifest.crops.landmarks;
    const faces = { data: new Uint8Array(size * size * 3), dims: [1, size, size, 3] };
    for (const [choice, rows] of [
      ['auto', [1, 16, 3]],
      ['cpu', Array(20).fill(1)],
    ] as const) {
      sessions = [];
      await using opened = await openModels(pack, choice, 1);
      await Promise.all(Array.from({ length: 20 }, () => opened.sessions.landmarks.run({ faces })));
      expect(sessions[1]!.rows).toEqual(rows);
    }
  });
});

describe('a probe', () => {
  it.each([
    ['cpu', ['CPUExecutionProvider']],
    ['webgpu', ['WebGpuExecutionProvider']],
    ['cuda', ['CUDAExecutionProvider']],
    ['tensorrt', ['TensorrtExecutionProvider', 'CUDAExecutionProvider']],
  ] as const)(
    'of %s counts the convolutions that ran there, by the names in onnxruntime’s profile',
    async (device, names) => {
      const event = (op_name: string, provider: string) => ({ args: { op_name, provider } });
      const events = [
        ...names.map((name) => event('Conv', name)),
        ...Array.from({ length: names.length }, () => event('FusedConv', 'AnotherExecutionProvider')),
        event('Shape', 'AnotherExecutionProvider'),
        {},
      ];
      // No machine has all of these devices.
      vi.mocked(ort.InferenceSession.create).mockImplementationOnce((async (_: string, options: SessionOptions) => ({
        inputMetadata: [],
        outputMetadata: [],
        run: async () => ({}),
        endProfiling: () => writeFileSync(`${options.profileFilePrefix}_1.json`, JSON.stringify(events)),
        release: async () => {},
      })) as never);
      expect(await shareOnDevice('detector.onnx', device)).toBe(0.5);
    },
  );

  it('releases its session and removes its profile, also when it fails', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'facequeue-release-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const pack = await loadPack(DEFAULT_PACK);
    await shareOnDevice(pack.file('detector'), 'cpu');
    expect(released()).toEqual([1]);
    // A model of another role takes other inputs.
    await expect(shareOnDevice(pack.file('landmarks'), 'cpu')).rejects.toThrow();
    await expect(shareOnDevice(join(folder, 'none.onnx'), 'cpu')).rejects.toThrow();
    expect(released()).toEqual([1, 1]);
    expect(await readdir(folder)).toEqual([]);
  });
});
