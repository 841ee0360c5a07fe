/** The contract of the three roles, which lets the pipeline know no vendor's quirks. */
import type { Arrays, Session } from '../device/session.ts';
import type { Manifest, ModelFile, Role } from '../pack/manifest.ts';

type Tensors = ModelFile['inputs'];

/** Inputs and outputs a role must have; S is the side of the pack's crop. */
function contractOf(role: Role, { crops }: Manifest): { inputs: Tensors; outputs: Tensors } {
  const float = (...shape: (string | number)[]) => ({ dtype: 'float32' as const, shape });
  const faces = (size: number) => ({ faces: { dtype: 'uint8' as const, shape: ['M', size, size, 3] } });
  switch (role) {
    case 'detector':
      return {
        inputs: {
          images: { dtype: 'uint8', shape: ['N', 'h', 'w', 3] },
          size: { dtype: 'int64', shape: [2] },
        },
        outputs: { scores: float('N', 'A'), boxes: float('N', 'A', 4), points: float('N', 'A', 5, 2) },
      };
    case 'landmarks':
      return { inputs: faces(crops.landmarks.size), outputs: { points: float('M', 106, 2), presence: float('M') } };
    case 'attributes':
      return { inputs: faces(crops.attributes.size), outputs: { male: float('M'), age: float('M') } };
  }
}

/**
 * Holds an opened model to its role's contract: what it declares, and what a run with more than one row and odd
 * sizes really gives.
 * @throws Error naming the first difference
 */
export async function checkContract(role: Role, manifest: Manifest, session: Session): Promise<string> {
  const contract = contractOf(role, manifest);
  const declared = manifest.models[role];
  for (const side of ['inputs', 'outputs'] as const) {
    same(`${side} in the manifest`, shapesOf(declared[side]), shapesOf(contract[side]));
    same(`${side} of the file`, Object.fromEntries(session[side].map(metadata)), shapesOf(contract[side]));
  }
  const inputs = sample(role, manifest);
  const outputs = await session.run(inputs);
  const free = { N: 2, M: 3, A: outputs['scores']?.dims[1] ?? 0 };
  for (const [name, { dtype, shape }] of Object.entries(contract.outputs)) {
    const output = outputs[name]!;
    const wanted = shape.map((side) => (typeof side === 'number' ? side : free[side as keyof typeof free]));
    same(`shape of ${name}`, `${output.dims}`, `${wanted}`);
    if (!(output.data instanceof Float32Array)) throw new Error(`${name} is no ${dtype}`);
    if (!output.data.every(Number.isFinite)) throw new Error(`${name} holds values that are not finite`);
  }
  return `${Object.keys(contract.inputs)} -> ${Object.keys(contract.outputs)}`;
}

const shapesOf = (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape }]) => [name, `${dtype}[${shape}]`]));

const metadata = (one: Session['inputs'][number]): [string, string] => [
  one.name,
  one.isTensor ? `${one.type}[${one.shape}]` : 'no tensor',
];

function same(what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: ${a}, the contract says ${b}`);
}

/** Two images that the graph must enlarge, or three crops, of a repeating pattern. */
function sample(role: Role, { crops, detection }: Manifest): Arrays {
  const array = (...dims: number[]) => ({
    data: Uint8Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => (i * 37) % 256),
    dims,
  });
  if (role !== 'detector') return { faces: array(3, crops[role].size, crops[role].size, 3) };
  const side = BigInt(detection.size_multiple);
  return { images: array(2, 65, 97, 3), size: { data: BigInt64Array.of(4n * side, 6n * side), dims: [2] } };
}
