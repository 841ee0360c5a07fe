/**
 * `npm run docs`: writes the pages that are made from code, so that they cannot drift from it:
 * configuration.md (the apps' config schemas), errors.md (the error catalogue), metrics.md (the catalogue of metrics), openapi.json (the request and result schemas).
 */
import { writeFileSync } from 'node:fs';
import { pages } from './pages.ts';

for (const [name, text] of Object.entries(pages())) writeFileSync(new URL(name, import.meta.url), text);
