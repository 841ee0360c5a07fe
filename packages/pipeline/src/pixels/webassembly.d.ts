/** The part of the WebAssembly interface that is used here. TypeScript has it among the types of browsers only. */
declare namespace WebAssembly {
  function validate(bytes: Uint8Array): boolean;

  class Module {
    constructor(bytes: Uint8Array);
  }

  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, Memory>>);
    readonly exports: Record<string, unknown>;
  }

  class Memory {
    /** @param sizes in pages of 64 kB */
    constructor(sizes: { initial: number; maximum: number });
    /** Detached when the memory grows. */
    readonly buffer: ArrayBuffer;
    /** Grows by pages of 64 kB. Throws RangeError beyond `maximum` and when there is no memory left. */
    grow(pages: number): number;
  }
}
