import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyRepository } from '../support/repository.ts';
import { cruise } from './cruise.ts';

describe('the rules of imports', () => {
  it('hold in the repository', async () => {
    expect((await cruise()).violations).toEqual([]);
  });
});

describe('the check of imports', () => {
  let tree: string;
  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'facequeue-directions-'));
    copyRepository(tree);
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  it.each([
    ['packages/schema/src', '../../queue/src/index.ts', 'direction-schema'],
    ['packages/queue/src', '../../pipeline/src/index.ts', 'direction-queue'],
    ['packages/pipeline/src', '@facequeue/queue', 'direction-pipeline'],
    ['packages/metrics/src', '@facequeue/queue', 'direction-metrics'],
    ['packages/source/src', 'sharp', 'only-pipeline-imports-onnxruntime-node'],
    ['apps/api/src', '@facequeue/pipeline', 'the-gateway-runs-no-model'],
    ['apps/api/src', '@facequeue/source', 'the-gateway-loads-no-aws-sdk'],
    ['apps/api/src/http', '../body/base64.ts', 'gateway-http-is-lowest'],
    ['apps/api/src/body', '../detection/detect.ts', 'gateway-layers-know-no-resource'],
    ['apps/api/src/auth', '../router.ts', 'gateway-layers-know-no-resource'],
    ['apps/api/src/browsers', '../jobs/routes.ts', 'gateway-layers-know-no-resource'],
    ['apps/api/src/jobs', '../app.ts', 'gateway-resources-know-no-assembly'],
    ['apps/api/src', 'bullmq', 'only-queue-src-bullmq-imports-bullmq'],
    ['apps/api/src', 'prom-client', 'only-metrics-imports-prom-client'],
    ['apps/worker/src', 'pino', 'only-service-imports-pino'],
    ['apps/cli/src', 'undici', 'only-source-imports-undici'],
    ['apps/cli/src', '../../worker/src/planted-target.ts', 'app-cli-stands-alone'],
    ['packages/time/src', 'zod', 'undeclared-import'],
    ['packages/schema/src', 'vitest', 'undeclared-import'],
    ['packages/client/src', './no-such-file.ts', 'no-unresolvable'],
    ['packages/client/src', 'node:buffer', 'the-client-runs-in-browsers'],
    ['packages/client/src', '@facequeue/schema', 'the-client-runs-in-browsers'],
  ])('finds a planted import in %s of %s', async (folder, target, rule) => {
    writeFileSync(join(tree, 'apps/worker/src/planted-target.ts'), 'export const x = 1;\n');
    const planted = join(tree, folder, 'planted.ts');
    writeFileSync(planted, `import * as planted from '${target}';\nconsole.log(planted);\n`);
    try {
      const { violations } = await cruise(tree);
      expect(
        violations.some((line) => line.startsWith(`${rule}: ${folder}/planted.ts`)),
        violations.join('\n'),
      ).toBe(true);
    } finally {
      rmSync(planted);
    }
  });

  it('finds an S3 client imported by a module of source that the gateway loads', async () => {
    const file = join(tree, 'packages/source/src/s3/locations.ts');
    const before = readFileSync(file, 'utf8');
    appendFileSync(file, "import '@aws-sdk/client-s3';\nimport './client.ts';\n");
    try {
      const { violations } = await cruise(tree);
      const found = violations.filter((line) => line.startsWith('source-checks-load-no-client'));
      expect(found).toHaveLength(2);
    } finally {
      writeFileSync(file, before);
    }
  });

  it('sees an import inside a `using` declaration', async () => {
    const planted = join(tree, 'packages/queue/src/planted.ts');
    writeFileSync(
      planted,
      "export async function planted() {\n  await using x = (await import('sharp')) as never;\n}\n",
    );
    try {
      const { violations } = await cruise(tree);
      expect(violations.some((line) => line.startsWith('only-pipeline-imports-onnxruntime-node'))).toBe(true);
    } finally {
      rmSync(planted);
    }
  });

  it('finds a cycle', async () => {
    const [a, b] = ['a', 'b'].map((name) => join(tree, `packages/schema/src/cycle-${name}.ts`));
    writeFileSync(a!, "import { b } from './cycle-b.ts';\nexport const a = () => b;\n");
    appendFileSync(b!, "import { a } from './cycle-a.ts';\nexport const b = () => a;\n");
    const { violations } = await cruise(tree);
    expect(violations.some((line) => line.startsWith('no-cycles'))).toBe(true);
  });
});
