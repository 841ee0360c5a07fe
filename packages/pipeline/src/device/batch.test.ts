import { describe, expect, it } from 'vitest';
import { batched } from './batch.ts';
import type { Arrays, Session } from './session.ts';

/** Doubles every value. Records the rows of each run, and blocks until released. */
function device() {
  const runs: number[] = [];
  const open: (() => void)[] = [];
  const session: Session = {
    inputs: [],
    outputs: [],
    async run({ images, size }) {
      runs.push(images!.dims[0]!);
      await new Promise<void>((resolve) => open.push(resolve));
      if ((images!.data as Uint8Array).includes(13)) throw new Error('bad luck');
      const doubled = Float32Array.from(images!.data as Uint8Array, (value) => value * 2 + Number(size?.data[0] ?? 0));
      return { values: { data: doubled, dims: images!.dims } };
    },
    close: async () => {},
  };
  /** Releases runs one after the other until none is left. */
  const finish = async () => {
    for (let idle = 0; idle < 5; idle++) {
      const next = open.shift();
      if (next) idle = 0;
      next?.();
      await new Promise(setImmediate);
    }
  };
  return { session, runs, finish };
}

const rows = (...values: number[][]): Arrays => ({
  images: { data: Uint8Array.from(values.flat()), dims: [values.length, values[0]!.length] },
});
const sized = (size: bigint, ...values: number[][]): Arrays => ({
  ...rows(...values),
  size: { data: BigInt64Array.of(size), dims: [1] },
});

describe('batching', () => {
  it('asks for runs of as many rows as fit into one', () => {
    expect(batched(device().session, 4).fullBatch).toBe(4);
  });

  it('starts the first run at once and batches those that queue meanwhile, each with its own rows', async () => {
    const { session, runs, finish } = device();
    const shared = batched(session, 16);
    const all = [rows([1, 2]), rows([3, 4], [5, 6]), rows([7, 8])].map((inputs) => shared.run(inputs));
    await finish();
    const outputs = (await Promise.all(all)).map(({ values }) => [[...values!.data], values!.dims]);
    expect(runs).toEqual([1, 3]);
    expect(outputs).toEqual([
      [
        [2, 4],
        [1, 2],
      ],
      [
        [6, 8, 10, 12],
        [2, 2],
      ],
      [
        [14, 16],
        [1, 2],
      ],
    ]);
  });

  it('never exceeds the cap and starves no run', async () => {
    const { session, runs, finish } = device();
    const shared = batched(session, 4);
    const all = Array.from({ length: 10 }, (_, i) => shared.run(rows([i, i])));
    await finish();
    const first = (await Promise.all(all)).map(({ values }) => values!.data[0]);
    expect(first).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(runs).toEqual([1, 4, 4, 1]);
  });

  it('batches neither different shapes nor different sizes', async () => {
    const { session, runs, finish } = device();
    const shared = batched(session, 16);
    const all = [rows([0]), sized(5n, [1]), sized(7n, [1]), sized(5n, [2]), rows([1, 2])].map((one) => shared.run(one));
    await finish();
    const first = (await Promise.all(all)).map(({ values }) => values!.data[0]);
    expect(first).toEqual([0, 7, 9, 9, 2]);
    expect(runs).toEqual([1, 2, 1, 1]);
  });

  it('rejects every run of a failed batch, and continues', async () => {
    const { session, finish } = device();
    const shared = batched(session, 16);
    const all = [rows([1]), rows([13]), rows([2])].map((inputs) => shared.run(inputs));
    const ended = Promise.allSettled(all);
    await finish();
    expect((await ended).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    const after = shared.run(rows([4]));
    await finish();
    expect((await after)['values']!.data[0]).toBe(8);
  });
});
