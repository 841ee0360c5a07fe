/**
 * Which room may import which (docs/architecture.md has the picture):
 *   schema <- pipeline, source, queue, client, metrics <- apps, and some libraries belong to one package alone.
 * Tests and their support are exempt from the "only here" rules: they look at a package from outside.
 */
const tests = '(\\.test\\.ts$|/testing/)';

/** The modules of packages/source that check URLs and read settings, without the clients that fetch. */
const SOURCE_CHECKS =
  '^packages/source/src/((image-url|webhook-url|web-url|variables|credentials|errors)|s3/(locations|s3-url|prefixes)|address/(allow-list|public-address))\\.ts$';

/** A library that only one package may import. */
const onlyIn = (room, libraries) => ({
  name: `only-${room.replace(/\W+/g, '-')}-imports-${libraries[0].replace(/\W+/g, '-')}`,
  severity: 'error',
  comment: `${libraries.join(', ')} may be imported in packages/${room} only`,
  from: { path: '^(apps|packages)/', pathNot: [`^packages/${room}/`, tests] },
  to: { path: libraries.map((library) => `(^|/)node_modules/${library}/`), dependencyTypesNot: ['type-only'] },
});

/** A package that may import of the workspace only what is listed. */
const direction = (room, allowed) => ({
  name: `direction-${room}`,
  severity: 'error',
  comment: `packages/${room} may import ${allowed.length ? allowed.join(', ') : 'no other package'}`,
  from: { path: `^packages/${room}/`, pathNot: tests },
  to: { path: '^(apps|packages|test|bench|docs)/', pathNot: [room, ...allowed].map((name) => `^packages/${name}/`) },
});

module.exports = {
  forbidden: [
    direction('schema', []),
    direction('time', []),
    direction('pipeline', ['schema', 'time']),
    direction('source', ['schema', 'time']),
    direction('queue', ['schema', 'time']),
    direction('client', ['schema', 'time']),
    direction('metrics', ['schema', 'time']),
    direction('service', ['schema', 'time']),
    direction('drawing', ['schema']),
    direction('evaluation', []),
    direction('audit', ['queue', 'schema', 'time']),
    ...['api', 'worker', 'cli'].map((app) => ({
      name: `app-${app}-stands-alone`,
      severity: 'error',
      comment: 'apps never import each other, nor tests, benches or docs',
      from: { path: `^apps/${app}/`, pathNot: tests },
      to: { path: '^(apps|test|bench|docs)/', pathNot: `^apps/${app}/` },
    })),
    onlyIn('queue/src/bullmq', ['bullmq']),
    onlyIn('(queue|audit)', ['ioredis']),
    onlyIn('source', ['undici', '@aws-sdk']),
    onlyIn('drawing', ['@napi-rs/canvas', '@fontsource']),
    onlyIn('service', ['pino', 'pino-pretty']),
    onlyIn('metrics', ['prom-client']),
    onlyIn('pipeline', ['onnxruntime-node', 'onnxruntime-common', 'sharp', '@napi-rs/image', 'koffi']),
    {
      name: 'the-gateway-runs-no-model',
      severity: 'error',
      from: { path: '^apps/api/', pathNot: tests },
      to: { path: '^packages/pipeline/' },
    },
    {
      name: 'the-gateway-loads-no-aws-sdk',
      severity: 'error',
      comment: 'its image is installed without it: of the sources it imports only what checks URLs and reads settings',
      from: { path: '^apps/api/', pathNot: tests },
      to: { path: '^packages/source/', pathNot: SOURCE_CHECKS },
    },
    {
      name: 'source-checks-load-no-client',
      severity: 'error',
      comment: 'what the gateway imports of the sources needs neither the AWS SDK nor undici at run time',
      from: { path: SOURCE_CHECKS, pathNot: tests },
      to: {
        path: ['^packages/source/', '(^|/)node_modules/(@aws-sdk|@smithy|undici)/'],
        pathNot: SOURCE_CHECKS,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'gateway-http-is-lowest',
      severity: 'error',
      comment: 'http knows nothing else of the gateway',
      from: { path: '^apps/api/src/http/', pathNot: tests },
      to: { path: '^apps/api/src/', pathNot: '^apps/api/src/http/' },
    },
    {
      name: 'gateway-layers-know-no-resource',
      severity: 'error',
      comment: 'admission, body, streaming, auth and browsers serve every resource and know none, nor the assembly',
      from: { path: '^apps/api/src/(admission|body|streaming|auth|browsers)/', pathNot: tests },
      to: { path: '^apps/api/src/', pathNot: '^apps/api/src/(admission|body|streaming|auth|browsers|http)/' },
    },
    {
      name: 'gateway-resources-know-no-assembly',
      severity: 'error',
      comment: 'a resource takes what it needs as Services',
      from: { path: '^apps/api/src/(detection|jobs|batches|cameras|system)/', pathNot: tests },
      to: { path: '^apps/api/src/(main|gateway|app|router|config|index)\\.ts$' },
    },
    {
      name: 'the-client-runs-in-browsers',
      severity: 'error',
      comment:
        'at run time the client is fetch, the error catalogue, the toolbox of time and a parser of event streams',
      from: { path: ['^packages/(client|time)/', '^packages/schema/src/errors\\.ts$'], pathNot: tests },
      to: {
        pathNot: [
          '^packages/(client|time)/',
          '^packages/schema/src/errors\\.ts$',
          '(^|/)node_modules/eventsource-parser/',
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    { name: 'no-cycles', severity: 'error', from: { pathNot: tests }, to: { circular: true } },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // The default parser needs TypeScript < 7 and without it silently sees no module at all.
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
