import type { Arrays, Session } from '../device/session.ts';
import { checkDeclared, contractOf } from '../pack/contract.ts';
import type { Manifest, Role } from '../pack/manifest.ts';

/**
 * Checks an opened model against its role's contract: what it declares, and what a run with several rows and odd sizes
 * returns.
 * @returns the inputs of the run
 * @throws Error that names the first difference
 */
export async function checkContract(role: Role, manifest: Manifest, session: Session): Promise<string> {
  checkDeclared(role, manifest, session);
  const inputs = sample(role, manifest);
  const outputs = await session.run(inputs);
  const free: Record<string, number> = { N: 2, M: 3, A: outputs['scores']?.dims[1] ?? 0 };
  for (const [name, { shape }] of Object.entries(contractOf(role, manifest).outputs)) {
    const { data, dims } = outputs[name]!;
    const wanted = shape.map((side) => (typeof side === 'number' ? side : free[side]));
    if (`${dims}` !== `${wanted}`) throw new Error(`${name} has shape ${dims}, not ${wanted}`);
    if (!(data instanceof Float32Array && data.every(Number.isFinite)))
      throw new Error(`${name} has values that are not finite`);
  }
  return Object.entries(inputs)
    .map(([name, { dims }]) => `${name} ${dims.join('x')}`)
    .join(', ');
}

/** Two images that the graph must enlarge, or three crops, of a repeating pattern. */
function sample(role: Role, { crops, detection }: Manifest): Arrays {
  const array = (...dims: number[]) => ({
    data: Uint8Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => (i * 37) % 256),
    dims,
  });
  if (role !== 'detector') {
    const { size } = crops[role === 'refiner' ? 'landmarks' : role]!;
    return { faces: array(3, size, size, 3) };
  }
  const side = BigInt(detection.size_multiple);
  return { images: array(2, 65, 97, 3), size: { data: BigInt64Array.of(4n * side, 6n * side), dims: [2] } };
}
