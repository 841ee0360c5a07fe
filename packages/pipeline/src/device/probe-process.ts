/** `auto` runs this in a process of its own: a broken graphics driver may end it or never answer. */
import type { Device } from './choose.ts';
import { failureText, probe } from './probe.ts';

const [detector, device] = process.argv.slice(2) as [string, Device];
const answer = await probe(detector, device).catch((error: unknown) => ({ failure: failureText(error) }));
process.stdout.write(`${JSON.stringify(answer)}\n`);
