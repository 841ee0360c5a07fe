import type { Arrays, Session } from './session.ts';

interface PendingRun {
  inputs: Arrays;
  /** Rows: the first dimension of the inputs that have one. */
  rows: number;
  resolve(outputs: Arrays): void;
  reject(error: unknown): void;
}

/**
 * Batches concurrent runs. A run starts at once when the device is idle; while it is busy, runs queue and the next batch
 * takes as many as fit into `cap` rows. Only runs of the same shape are batched. Inputs of one dimension (the detector's
 * `size`) belong to the shape: they are sent once and must be equal.
 */
export function batched(session: Session, cap: number): Session {
  const pending: PendingRun[] = [];
  let running = false;

  async function runPending(): Promise<void> {
    running = true;
    while (pending.length > 0) {
      const group = nextGroup(pending, cap);
      try {
        const outputs = await session.run(joined(group));
        let row = 0;
        for (const one of group) {
          one.resolve(rowsOf(outputs, row, one.rows));
          row += one.rows;
        }
      } catch (error) {
        for (const one of group) one.reject(error);
      }
    }
    running = false;
  }

  return {
    inputs: session.inputs,
    outputs: session.outputs,
    fullBatch: cap,
    run: (inputs) =>
      new Promise((resolve, reject) => {
        const rows = Object.values(inputs).find(({ dims }) => dims.length > 1)!.dims[0]!;
        pending.push({ inputs, rows, resolve, reject });
        if (!running) void runPending();
      }),
    close: () => session.close(),
  };
}

/** Removes the oldest run and all that fit into its batch, in order of arrival. */
function nextGroup(pending: PendingRun[], cap: number): PendingRun[] {
  const first = pending.shift()!;
  const shape = shapeOf(first.inputs);
  const group = [first];
  let rows = first.rows;
  for (let i = 0; i < pending.length; ) {
    const one = pending[i]!;
    if (rows + one.rows <= cap && shapeOf(one.inputs) === shape) {
      group.push(one);
      rows += one.rows;
      pending.splice(i, 1);
    } else i++;
  }
  return group;
}

function shapeOf(inputs: Arrays): string {
  return Object.entries(inputs)
    .map(([name, { data, dims }]) => `${name}:${dims.length > 1 ? dims.slice(1) : data}`)
    .join(';');
}

function joined(group: readonly PendingRun[]): Arrays {
  const first = group[0]!.inputs;
  if (group.length === 1) return first;
  const rows = group.reduce((sum, one) => sum + one.rows, 0);
  return Object.fromEntries(
    Object.entries(first).map(([name, { data, dims }]) => {
      if (dims.length === 1) return [name, { data, dims }];
      const all = new Uint8Array(group.reduce((sum, one) => sum + one.inputs[name]!.data.length, 0));
      let at = 0;
      for (const one of group) {
        const part = one.inputs[name]!.data as Uint8Array;
        all.set(part, at);
        at += part.length;
      }
      return [name, { data: all, dims: [rows, ...dims.slice(1)] }];
    }),
  );
}

function rowsOf(outputs: Arrays, first: number, count: number): Arrays {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims }]) => {
      const row = data.length / dims[0]!;
      return [name, { data: data.subarray(first * row, (first + count) * row), dims: [count, ...dims.slice(1)] }];
    }),
  );
}
