/** Records what a pipeline has the models compute, so that it can be repeated without the pipeline. */
import { basename } from 'node:path';
import * as ort from 'onnxruntime-node';

/** One run of a model. */
export interface RecordedRun {
  /** The model's file name. */
  model: string;
  feeds: Record<string, ort.Tensor>;
  /** Arrays into which the outputs can be written again. */
  outputs: Record<string, ort.Tensor>;
}

let runs: RecordedRun[] | null = null;

/** From now on, the runs of sessions that are opened can be recorded. */
export function watchSessions(): void {
  const { create } = ort.InferenceSession;
  ort.InferenceSession.create = async (...args: unknown[]) => {
    const session: ort.InferenceSession = await Reflect.apply(create, ort.InferenceSession, args);
    const model = basename(String(args[0]));
    const { run } = session;
    session.run = async (...given: unknown[]) => {
      // The caller may use its arrays again.
      const feeds = runs && copied(given[0] as RecordedRun['feeds']);
      const outputs: RecordedRun['outputs'] = await Reflect.apply(run, session, given);
      if (feeds) runs?.push({ model, feeds, outputs: copied(outputs) });
      return outputs;
    };
    return session;
  };
}

/** The runs of models during `task`. @throws when there was none: then nothing that follows would be a bound */
export async function recorded<T>(task: () => Promise<T>): Promise<{ result: T; runs: RecordedRun[] }> {
  const own: RecordedRun[] = [];
  runs = own;
  try {
    const result = await task();
    if (own.length === 0) throw new Error('no run of a model was seen');
    return { result, runs: own };
  } finally {
    runs = null;
  }
}

function copied(tensors: Record<string, ort.Tensor>): Record<string, ort.Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, data, dims }]) => [
      name,
      new ort.Tensor(type as 'uint8', (data as Uint8Array).slice(), [...dims]),
    ]),
  );
}
