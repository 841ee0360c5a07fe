/** Items on their way into a batch, as append-batch.lua takes them. */

import type { NewItem } from './batch.ts';
import { newJobId } from '../job/job-id.ts';
import type { AdmissionReason } from '../limits/admission.ts';

/** Items of one append: its script holds Redis for a few milliseconds. */
export const MAX_APPEND = 256;

/** What append-batch.lua returns. */
export type AppendReply =
  | ['ok', number, number, number, ...string[]]
  | ['full', AdmissionReason, number]
  | ['gone']
  | ['closed']
  | ['lost'];

export function appendArguments(items: NewItem[]): (string | number | Uint8Array)[] {
  return items.flatMap(({ name, line, content }) => [
    newJobId(),
    name ?? '',
    line ?? '',
    content.kind,
    ...carried(content),
  ]);
}

function carried(content: NewItem['content']): [string, string | Uint8Array] {
  if (content.kind === 'inline') return ['', content.bytes];
  if (content.kind === 'url') return [content.url, ''];
  return [content.code, content.detail];
}
