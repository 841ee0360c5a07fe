/**
 * What an installation consists of, and what is known against it:
 * - `npm run -s sbom [-- --development]` prints the software bill of materials, CycloneDX 1.5 in JSON
 * - `npm run licences` fails for a package or model whose licence is neither permissive nor excepted in licences.ts
 * - `npm run advisories` fails for an advisory of `npm audit` that accepted-advisories.json does not have; `-- --refused` exits
 *   with 0 when the registry serves none, and with 1 otherwise
 */
import { fileURLToPath } from 'node:url';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import accepted from './accepted-advisories.json' with { type: 'json' };
import { advisoryProblems, audit } from './advisories.ts';
import { licenceProblems } from './licences.ts';
import { createSbom } from './sbom.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const [command, ...flags] = process.argv.slice(2);
if (command === 'sbom') await printSbom();
else if (command === 'licences') report(licenceProblems(ROOT), 'all licences are permissive, or excepted');
else if (command === 'advisories') await checkAdvisories();
else {
  console.error('expected sbom, licences or advisories');
  process.exitCode = 2;
}

async function printSbom() {
  const sbom = createSbom(ROOT, { development: flags.includes('--development') });
  const text = JSON.stringify(sbom, null, 2);
  const errors = await new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(text);
  if (errors) throw new Error(`not valid as CycloneDX 1.5: ${JSON.stringify(errors, null, 2)}`);
  process.stdout.write(`${text}\n`);
}

async function checkAdvisories() {
  const result = await audit(ROOT);
  if (flags.includes('--refused')) process.exitCode = result.served ? 1 : 0;
  else if (!result.served)
    throw new Error('the registry serves no advisories; `npm config get registry` says which it is');
  else report(advisoryProblems(ROOT, result.vulnerabilities, accepted, new Date()), 'no advisory');
}

function report(problems: readonly string[], fine: string) {
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) console.log(fine);
  else process.exitCode = 1;
}
