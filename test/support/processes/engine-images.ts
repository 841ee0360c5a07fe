/** For hooks that engines load by NODE_OPTIONS, in tests only. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { IMAGE_FD } from '../../../apps/worker/src/engines/image-pipe.ts';

/** @param see called with the bytes of each image when the engine has read them all, before it decodes them */
export function onImage(see: (bytes: Uint8Array) => void): void {
  const read = fs.readSync;
  const readAndSee = (fd: number, bytes: Uint8Array, at: number, length: number, position: null) => {
    const count = read(fd, bytes, at, length, position);
    if (fd === IMAGE_FD && count === length) see(bytes.subarray(0, at + length));
    return count;
  };
  fs.readSync = readAndSee as typeof read;
  syncBuiltinESMExports();
}
