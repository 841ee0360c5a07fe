/** A gateway with a call that never ends: URL, prefix and owner are its arguments. */
import { Rig } from '../../testing/rig.ts';

const [url, prefix, owner] = process.argv.slice(2);
const queue = await new Rig(url!, prefix).gateway();
await queue.quotas.take(owner!, { rate: null, concurrent: 2 });
process.send!('taken');
