/** The process of `heapAfterChurn`: takes a module and the name of its `Put`, prints MB of heap. */
import type { Put } from './churn.ts';

const COUNT = 100_000;
const AT_A_TIME = 8;

const [module, name] = process.argv.slice(2) as [string, string];
const put = (await import(module))[name] as Put;
const things: (() => void)[] = [];
const one = () => things.push(put({ filler: new Array(125).fill(0.5) }));
const collect = () => globalThis.gc!({ type: 'minor' });

for (let i = 0; i < AT_A_TIME; i++) one();
// V8 promotes an object that survives two collections.
for (let i = 0; i < 3; i++) collect();
for (let i = 0; i < COUNT; i++) {
  one();
  things.shift()!();
}
collect();
console.log((process.memoryUsage().heapUsed / 1e6).toFixed(1));
