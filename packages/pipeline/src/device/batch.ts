import type { Arrays, Session } from './session.ts';

interface Waiting {
  inputs: Arrays;
  /** Rows: the first dimension of the inputs that have one. */
  rows: number;
  resolve(outputs: Arrays): void;
  reject(error: unknown): void;
}

/**
 * Lets runs that come together share the device: dispatched at once when it is idle, else as many as wait, up to
 * `cap` rows. Only runs of the same shape go together. Inputs of one dimension (the detector's `size`) belong to the
 * shape: they are sent once and must be equal.
 */
export function batched(session: Session, cap: number): Session {
  const waiting: Waiting[] = [];
  let running = false;

  async function drain(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const group = takeGroup(waiting, cap);
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
    run: (inputs) =>
      new Promise((resolve, reject) => {
        const rows = Object.values(inputs).find(({ dims }) => dims.length > 1)!.dims[0]!;
        waiting.push({ inputs, rows, resolve, reject });
        if (!running) void drain();
      }),
    close: () => session.close(),
  };
}

/** Takes the oldest and all that fit with it, in order of arrival. */
function takeGroup(waiting: Waiting[], cap: number): Waiting[] {
  const first = waiting.shift()!;
  const shape = shapeOf(first.inputs);
  const group = [first];
  let rows = first.rows;
  for (let i = 0; i < waiting.length; ) {
    const one = waiting[i]!;
    if (rows + one.rows <= cap && shapeOf(one.inputs) === shape) {
      group.push(one);
      rows += one.rows;
      waiting.splice(i, 1);
    } else i++;
  }
  return group;
}

function shapeOf(inputs: Arrays): string {
  return Object.entries(inputs)
    .map(([name, { data, dims }]) => `${name}:${dims.length > 1 ? dims.slice(1) : data}`)
    .join(';');
}

function joined(group: readonly Waiting[]): Arrays {
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
