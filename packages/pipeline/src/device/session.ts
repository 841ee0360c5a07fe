import './no-telemetry.ts';

import * as ort from 'onnxruntime-node';
import { type Device, partsOf } from './names.ts';

/** Typed arrays by the names of a model's inputs or outputs. */
export type Arrays = Record<string, { data: Uint8Array | Float32Array | BigInt64Array; dims: readonly number[] }>;

/** An opened model on a device. Close it once; closing during a run is an error. */
export interface Session {
  readonly inputs: readonly ort.InferenceSession.ValueMetadata[];
  readonly outputs: readonly ort.InferenceSession.ValueMetadata[];
  /** Rows of input that a run should have, where there are so many; absent on the CPU, which is no faster with more. */
  readonly fullBatch?: number;
  /** Blocks the process while the device works, although it returns a promise. */
  run(inputs: Arrays): Promise<Arrays>;
  close(): Promise<void>;
}

export interface SessionOptions {
  device: Device;
  /** Threads of the CPU provider. */
  threads: number;
  /** Path prefix under which onnxruntime writes a profile of every run; no profile when absent. */
  profile?: string;
}

const DTYPES = { uint8: Uint8Array, int64: BigInt64Array, float32: Float32Array };

/**
 * Opens a model.
 * @throws Error by onnxruntime when the file is not a model or the device is not available
 */
export async function openSession(file: string, options: SessionOptions): Promise<Session> {
  const session = await ort.InferenceSession.create(file, {
    executionProviders: providersOf(options.device),
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    // A plan of the memory is kept for every shape of an input, each in a block of its own: 40 MB more in an engine after 1080p pictures,
    // 100 MB more after a crowd, for no less CPU time.
    enableMemPattern: false,
    // Idle threads that spin double the CPU time under load.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    // Errors only: onnxruntime would warn at every start that shape arithmetic stays on the CPU.
    logSeverityLevel: 3,
    ...(options.profile && { enableProfiling: true, profileFilePrefix: options.profile }),
  });
  return {
    inputs: session.inputMetadata,
    outputs: session.outputMetadata,
    async run(inputs) {
      const feeds: Record<string, ort.Tensor> = {};
      for (const [name, { data, dims }] of Object.entries(inputs)) feeds[name] = tensor(data, dims);
      const results = await session.run(feeds);
      const arrays: Arrays = {};
      for (const [name, result] of Object.entries(results))
        arrays[name] = { data: result.data as Float32Array, dims: result.dims };
      return arrays;
    },
    async close() {
      if (options.profile) session.endProfiling();
      await session.release();
    },
  };
}

/** A GPU's own provider, and the CPU's for what that leaves. */
function providersOf(device: Device): ort.InferenceSession.ExecutionProviderConfig[] {
  const { provider, index } = partsOf(device);
  if (provider === 'cpu') return ['cpu'];
  return [index === null ? provider : { name: provider, deviceId: index }, 'cpu'];
}

function tensor(data: Uint8Array | Float32Array | BigInt64Array, dims: readonly number[]): ort.Tensor {
  for (const [dtype, Type] of Object.entries(DTYPES))
    if (data instanceof Type) return new ort.Tensor(dtype as 'uint8', data as Uint8Array, dims);
  throw new TypeError('not an array that a model takes');
}
