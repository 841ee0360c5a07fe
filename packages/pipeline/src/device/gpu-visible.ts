/** Whether this machine or container shows a GPU. */
import { readdirSync } from 'node:fs';

/** Why `auto` tries nothing. */
export const NO_GPU = 'no GPU is visible to this machine or container';

/** Whether there may be a GPU. Linux shows one as a device node, also inside containers. Other systems are assumed to have one, which is then tried. */
export function gpuIsVisible(): boolean {
  if (process.platform !== 'linux') return true;
  const nodes = (folder: string) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  return (
    nodes('/dev').some((name) => /^(nvidia\d+|dxg)$/.test(name)) ||
    nodes('/dev/dri').some((name) => name.startsWith('renderD'))
  );
}
