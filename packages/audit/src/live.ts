/** Auditing an installation that is running. */
import { keysOf } from '@facequeue/queue/storage';
import { sleep } from '@facequeue/time';
import type { Redis } from 'ioredis';
import { inChunks, scanKeys } from './context.ts';
import type { Finding } from './finding.ts';

const PASSES = 3;
/** Long enough for a job, item or frame that was caught between two readings to have moved on, ms. */
const PAUSE_MS = 1000;

/** One pass over the installation, which may change while the pass reads. */
interface Pass {
  findings: Finding[];
}

/**
 * Repeats an audit and sorts its findings: `findings` are those that every pass made in the same words about something that
 * did not change during the pass; `unsettled` are the others of the last pass.
 */
export async function auditLive<T extends Pass>(
  redis: Redis,
  prefix: string,
  pass: () => Promise<T>,
): Promise<T & { unsettled: Finding[] }> {
  let confirmed: Finding[] | undefined;
  for (let passes = 1; ; passes++) {
    const before = await versionsOf(redis, prefix);
    const report = await pass();
    const after = await versionsOf(redis, prefix);
    const settled = new Map(
      report.findings
        .filter((one) => before.get(holderOf(one)) === after.get(holderOf(one)))
        .map((one) => [one.text, one]),
    );
    confirmed = confirmed ? confirmed.filter(({ text }) => settled.has(text)) : [...settled.values()];
    if (passes === PASSES || report.findings.length === 0) {
      const texts = new Set(confirmed.map(({ text }) => text));
      return { ...report, findings: confirmed, unsettled: report.findings.filter(({ text }) => !texts.has(text)) };
    }
    await sleep(PAUSE_MS);
  }
}

/**
 * Batches, cameras and counters as they are now. Each script that changes an item, a frame or a counter changes one of these, so
 * what has the same version before and after a pass has not changed in between. A job needs none: it is read in one step.
 */
async function versionsOf(redis: Redis, prefix: string): Promise<Map<string, string>> {
  const keys = keysOf(prefix);
  const versions = new Map<string, string>();
  for (const [field, value] of Object.entries(await redis.hgetall(keys.stats))) versions.set(`stats.${field}`, value);
  const heads = [keys.batch(''), keys.camera('')];
  const hashes = (await scanKeys(redis, prefix)).filter((key) => heads.some((head) => key.startsWith(head)));
  await inChunks(hashes, async (key) => {
    versions.set(key.slice(prefix.length + 1), JSON.stringify(await redis.hgetall(key)));
  });
  return versions;
}

/** The name in `versionsOf` of what a finding depends on. */
function holderOf({ kind, subject }: Finding): string {
  return kind === 'batch' || kind === 'camera' ? `${kind}:${subject}` : subject;
}
