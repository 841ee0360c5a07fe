import { defineScript, isOne, number, type Scripts, text } from '../redis/define-script.ts';

/** Frames that one call ends: it occupies Redis for about 10 ms. */
export const FRAMES_CHUNK = 100;

/** True when more remains. */
export const endSupersededScript = defineScript({
  file: new URL('./end-superseded.lua', import.meta.url),
  args: { camera: text, max: number },
  reply: isOne,
});

/**
 * Ends the superseded frames of a camera, a chunk at a time. If this process dies meanwhile, the sweep of another continues.
 * @param camera "<owner>/<name>"
 */
export async function endSuperseded(scripts: Scripts, camera: string): Promise<void> {
  while (await scripts.run(endSupersededScript, { camera, max: FRAMES_CHUNK }));
}
