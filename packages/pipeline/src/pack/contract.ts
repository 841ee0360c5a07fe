/** The contract of the model roles. It keeps vendors' quirks out of the pipeline. */
import type { Session } from '../device/session.ts';
import { type Manifest, type ModelFile, modelOf, type Role } from './manifest.ts';

export type Tensors = ModelFile['inputs'];

export interface Contract {
  readonly inputs: Tensors;
  readonly outputs: Tensors;
}

/** Inputs and outputs a role must have. Free sides: N images, M crops, A anchors, h and w px. */
export function contractOf(role: Role, { crops }: Manifest): Contract {
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
    case 'verifier':
      return { inputs: faces(crops.verifier!.size), outputs: { face: float('M'), boxes: float('M', 4) } };
    case 'refiner':
      return { inputs: faces(crops.landmarks.size), outputs: { points: float('M', 106, 2) } };
  }
}

/**
 * Checks what a manifest and an opened model declare against the role's contract.
 * @throws Error naming the first difference
 */
export function checkDeclared(role: Role, manifest: Manifest, session: Pick<Session, 'inputs' | 'outputs'>): void {
  const contract = contractOf(role, manifest);
  for (const side of ['inputs', 'outputs'] as const) {
    const wanted = describe(Object.entries(contract[side]).map(([name, { dtype, shape }]) => [name, dtype, shape]));
    const declared = Object.entries(modelOf(manifest, role)[side]);
    requireSame(
      `${side} in the manifest`,
      describe(declared.map(([name, { dtype, shape }]) => [name, dtype, shape])),
      wanted,
    );
    const found = session[side].map((one) => [one.name, one.isTensor && one.type, one.isTensor ? one.shape : []]);
    requireSame(`${side} of the model`, describe(found), wanted);
  }
}

const describe = (tensors: readonly (readonly unknown[])[]) =>
  tensors
    .map(([name, dtype, shape]) => `${name} ${dtype}[${shape}]`)
    .sort()
    .join(', ');

function requireSame(what: string, found: string, wanted: string): void {
  if (found !== wanted) throw new Error(`${what}: ${found}; the contract requires ${wanted}`);
}
