/** `npm run directions`: which room imports which, against rules.cjs. Exit status 1 on a violation. */
import { cruise } from './cruise.ts';

const { files, violations } = await cruise();
for (const violation of violations) console.error(violation);
console.log(`${files.length} files, ${violations.length} violations`);
process.exitCode = violations.length ? 1 : 0;
