import { newJobId } from '../job/job-id.ts';
import { type FullReply, limitsArg } from '../limits/admission.ts';
import { bytes, defineScript, list, number, optional, text } from '../redis/define-script.ts';
import type { NewItem } from './batch.ts';

/** Items of one append: its script occupies Redis for a few milliseconds. */
export const MAX_APPEND = 256;

export const appendScript = defineScript({
  file: new URL('./append.lua', import.meta.url),
  args: {
    id: text,
    owner: text,
    duplicates: text,
    limits: limitsArg,
    lease: optional(number),
    state: text,
    leaseMs: number,
    items: list({ id: text, name: optional(text), line: optional(number), kind: text, head: text, body: bytes }),
  },
  reply: (
    reply:
      | ['ok', accepted: number, skipped: number, failed: number, ...tokens: string[]]
      | FullReply
      | ['gone']
      | ['closed']
      | ['lost'],
  ) => reply,
});

const NO_BYTES = new Uint8Array();

/** Items as append.lua takes them. */
export function itemArguments(items: readonly NewItem[]) {
  return items.map(({ name, line, content }) => ({
    id: newJobId(),
    name,
    line,
    kind: content.kind,
    ...headAndBody(content),
  }));
}

function headAndBody(content: NewItem['content']): { head: string; body: Uint8Array } {
  if (content.kind === 'inline') return { head: '', body: content.bytes };
  if (content.kind === 'url') return { head: content.url, body: NO_BYTES };
  return { head: content.code, body: Buffer.from(content.detail) };
}
