/** `npm run directions`: checks which workspace imports what, by rules.cjs and the package.json files. Exit status 1 on a violation. */
import { cruise } from './cruise.ts';

const { files, violations } = await cruise();
for (const violation of violations) console.error(violation);
console.log(`${files.length} files, ${violations.length} violations`);
process.exitCode = violations.length ? 1 : 0;
