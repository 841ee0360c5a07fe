/** The kernels with SIMD instructions, in WebAssembly: `../../kernels`. */
import { readFileSync } from 'node:fs';
import type { Kernels, Orientation, Rows } from './kernels.ts';

/** What kernels.wasm exports; addresses and strides are bytes. */
interface Exports {
  copy(src: number, srcStride: number, width: number, height: number, dst: number, dstStride: number): void;
  mirror: Exports['copy'];
  transpose: Exports['copy'];
  halve: Exports['copy'];
  shrinkScratch(srcWidth: number, srcHeight: number, dstWidth: number, dstHeight: number): number;
  shrink(
    src: number,
    srcStride: number,
    srcWidth: number,
    srcHeight: number,
    dst: number,
    dstStride: number,
    dstWidth: number,
    dstHeight: number,
    scratch: number,
  ): void;
  warp(
    src: number,
    stride: number,
    width: number,
    height: number,
    left: number,
    top: number,
    cos: number,
    sin: number,
    size: number,
    dst: number,
  ): void;
}

/** Bytes that a kernel may read past the last pixel of an image. */
export const OVERREAD = 16;

const bytes = readFileSync(new URL('../../kernels/kernels.wasm', import.meta.url));
/** Null where this processor has no instructions for them. */
const module = WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;

/** Memory that kernels work in. */
export interface KernelMemory {
  readonly memory: WebAssembly.Memory;
  /** The address of bytes that nothing else uses until the kernel has returned. May grow the memory. */
  scratch(length: number): number;
}

/** Whether this processor can run the kernels. */
export const hasSimd = module !== null;

/**
 * Kernels for pixels in a memory.
 * @throws RangeError, from any of them, when pixels lie elsewhere
 */
export function simdKernels({ memory, scratch }: KernelMemory): Kernels {
  const kernels = new WebAssembly.Instance(module!, { env: { memory } }).exports as unknown as Exports;
  const address = (data: Uint8Array) => {
    if (data.buffer !== memory.buffer) throw new RangeError('the pixels are not in the memory of the kernels');
    return data.byteOffset;
  };
  /** The address of the last row. With it and a negative stride, a kernel reads or writes rows from the bottom up. */
  const lastRow = ({ data, height, stride }: Rows) => address(data) + (height - 1) * stride;

  return {
    copy: (from, to) =>
      kernels.copy(address(from.data), from.stride, from.width, from.height, address(to.data), to.stride),
    halve: (from, to) =>
      kernels.halve(address(from.data), from.stride, from.width, from.height, address(to.data), to.stride),
    shrink(from, to) {
      // Before `data` is read: this may grow the memory, which detaches arrays but leaves addresses as they are.
      const room = scratch(kernels.shrinkScratch(from.width, from.height, to.width, to.height));
      kernels.shrink(
        address(from.data),
        from.stride,
        from.width,
        from.height,
        address(to.data),
        to.stride,
        to.width,
        to.height,
        room,
      );
    },
    orient(from, to, orientation: Orientation) {
      const { width, height } = from;
      const [first, last] = [address(from.data), lastRow(from)];
      const [target, lastTarget] = [address(to.data), lastRow(to)];
      switch (orientation) {
        case 1:
          return kernels.copy(first, from.stride, width, height, target, to.stride);
        case 2:
          return kernels.mirror(first, from.stride, width, height, target, to.stride);
        case 3:
          return kernels.mirror(last, -from.stride, width, height, target, to.stride);
        case 4:
          return kernels.copy(last, -from.stride, width, height, target, to.stride);
        case 5:
          return kernels.transpose(first, from.stride, width, height, target, to.stride);
        case 6:
          return kernels.transpose(last, -from.stride, width, height, target, to.stride);
        case 7:
          return kernels.transpose(last, -from.stride, width, height, lastTarget, -to.stride);
        case 8:
          return kernels.transpose(first, from.stride, width, height, lastTarget, -to.stride);
      }
    },
    warp: (from, { left, top, cos, sin, size }, to) =>
      kernels.warp(address(from.data), from.stride, from.width, from.height, left, top, cos, sin, size, address(to)),
  };
}
