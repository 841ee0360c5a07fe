import { defineScript, isOne, number, type Scripts, text } from '../redis/define-script.ts';

/** Items canceled by one call: it occupies Redis for about 10 ms. */
export const CANCEL_CHUNK = 1000;

/** True when more remains. */
export const cancelRemainingScript = defineScript({
  file: new URL('./cancel-remaining.lua', import.meta.url),
  args: { id: text, max: number },
  reply: isOne,
});

/** Cancels what remains of a stopped batch, a chunk at a time. If this process dies meanwhile, the sweep of another continues. */
export async function cancelRemaining(scripts: Scripts, id: string): Promise<void> {
  while (await scripts.run(cancelRemainingScript, { id, max: CANCEL_CHUNK }));
}
