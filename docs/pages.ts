import { type App, type LabelValues, METRICS, type MetricEntry } from '@facequeue/metrics';
import { ERROR_CATALOGUE, ERROR_CODES, type ErrorEntry } from '@facequeue/schema';
import { boundsOf, hasFile } from '@facequeue/schema/config';
import { openApiDocument } from '@facequeue/schema/openapi';
import type { z } from 'zod';
import { gatewayVariables } from '../apps/api/src/variables.ts';
import { callerVariables, serveVariables } from '../apps/cli/src/variables.ts';
import { workerVariables } from '../apps/worker/src/variables.ts';

/** The generated pages: file name in docs/ to text. */
export function pages(): Record<string, string> {
  return {
    'configuration.md': configuration(),
    'errors.md': errors(),
    'metrics.md': metrics(),
    'openapi.json': `${JSON.stringify(openApiDocument(), null, 2)}\n`,
    '../deploy/gateway.env': composeSettings('gateway', gatewayVariables),
    '../deploy/worker.env': composeSettings('worker', workerVariables, AWS_CREDENTIALS),
  };
}

type Shape = Record<string, z.ZodType>;

const READERS: [title: string, shape: Shape][] = [
  ['gateway', gatewayVariables],
  ['worker', workerVariables],
  ['serve', serveVariables],
  ['jobs, ingest and watch', callerVariables],
];

function configuration(): string {
  const names = [...new Set(READERS.flatMap(([, shape]) => Object.keys(shape)))];
  const rows = names.map((name) => {
    const readers = READERS.filter(([, shape]) => name in shape);
    const of = (text: (variable: z.ZodType) => string) =>
      mergeTexts(readers.map(([title, shape]) => [title, text(shape[name]!)]));
    const titles = readers.map(([title]) => title).join(', ');
    return `| \`${name}\` | ${of(defaultOf)} | ${of(leastOf)} | ${of(mostOf)} | ${titles} | ${cell(of((variable) => descriptionOf(name, variable)))} |`;
  });
  return `<!-- Made by \`npm run docs\` from the config schemas; edit those. -->
# Configuration

Everything is set by environment variables. A bad value stops the start with a message that names the variable and what was expected,
the least and the most of a duration, size or count included; a variable whose name is nearly that of a setting (\`API_KEY\` for \`API_KEYS\`) is warned about.
What is a secret may be in a file instead, which the same name with \`_FILE\` names (\`REDIS_URL_FILE\`, \`WEBHOOK_SECRETS_FILE\`, \`FACEQUEUE_API_KEY_FILE\`), as
Docker and Kubernetes provide secrets; \`API_KEYS_FILE\` has a form of its own, and the AWS SDK has \`AWS_SHARED_CREDENTIALS_FILE\`.
Sizes are written \`20mb\`, \`512mi\` or in bytes; durations \`500ms\`, \`19s\`, \`2m\`, \`1h\`, \`7d\` or in seconds; lists with commas.
\`serve\` (which \`npm start\` runs) passes its whole environment to the gateway and the worker that it starts.

| variable | default | least | most | read by | what it does |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** One text where it is the same for all readers, else one per reader. */
function mergeTexts(texts: [reader: string, text: string][]): string {
  if (new Set(texts.map(([, text]) => text)).size === 1) return texts[0]![1];
  return texts.map(([reader, text]) => `**${reader}**: ${text || 'none'}`).join(' ');
}

function descriptionOf(name: string, variable: z.ZodType): string {
  const description = variable.meta()?.description;
  if (!description) throw new Error(`${name} has no description`);
  return description;
}

function defaultOf(variable: z.ZodType): string {
  const fallback = variable.meta()?.['default'];
  return fallback === undefined || fallback === '' ? '' : `\`${fallback}\``;
}

function leastOf(variable: z.ZodType): string {
  const bounds = boundsOf(variable);
  if (!bounds) return '';
  return bounds.zero === undefined ? `\`${bounds.least}\`` : `\`${bounds.least}\`, or 0: ${bounds.zero}`;
}

function mostOf(variable: z.ZodType): string {
  const bounds = boundsOf(variable);
  return bounds ? `\`${bounds.most}\`` : '';
}

function errors(): string {
  const rows = Object.entries<ErrorEntry>(ERROR_CATALOGUE).map(
    ([code, { status, title, when, retryable, action }]) =>
      `| \`${code}\` | ${status} | ${title} | ${cell(when)} | ${retryable ? 'yes' : 'no'} | ${cell(action)} |`,
  );
  return `<!-- Made by \`npm run docs\` from packages/schema/src/errors.ts; edit that. -->
# Errors

Every error is \`application/problem+json\` (RFC 9457): \`{type, title, status, detail, code, job_id?}\`. \`code\` is stable; branch on it.
"Retryable" says whether the same request may succeed later without changes; \`Retry-After\` says when, if that is known.

| code | status | title | when | retryable | what to do |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function metrics(): string {
  const table = (...of: App[]) => {
    const rows = Object.entries<MetricEntry>(METRICS)
      .filter(([, { apps }]) => apps.join() === of.join())
      .map(([name, { kind, help, labels }]) => {
        const said = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${cell(labelValues(values))}`);
        return `| \`${name}\` | ${kind} | ${cell(help)} | ${said.join('; ')} |`;
      });
    return `| metric | type | what it says | labels |\n|---|---|---|---|\n${rows.join('\n')}`;
  };
  return `<!-- Made by \`npm run docs\` from packages/metrics/src/catalogue.ts; edit that. -->
# Metrics

In Prometheus' text format: of a gateway at \`GET /metrics\`, with an API key where keys are set; of a worker at \`/metrics\` of its health port
(\`WORKER_PORT\`). What to watch, alerts, and scaling by \`facequeue_desired_workers\`: [operations.md](operations.md).

## Gateway

${table('gateway')}

## Worker

${table('worker')}

## Every process

${table('gateway', 'worker')}
`;
}

/** What a label may say; all codes of errors, which have a page of their own, as that. */
function labelValues(values: LabelValues): string {
  if (typeof values === 'string') return values;
  const codes: readonly string[] = ERROR_CODES;
  if (!codes.every((code) => values.includes(code))) return values.join(', ');
  return [...values.filter((value) => !codes.includes(value)), 'a code of [errors.md](errors.md)'].join(', ');
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Settings that docker-compose.yml sets itself: addresses inside the containers. */
const SET_BY_COMPOSE = ['HOST', 'PORT', 'WORKER_HOST', 'WORKER_PORT', 'REDIS_URL'];
/** What the AWS SDK in the worker reads by itself. */
const AWS_CREDENTIALS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_REGION',
];

/** An env file that passes settings on to a container: a name without a value takes compose's own, and stays unset without one. */
function composeSettings(app: string, shape: Shape, more: readonly string[] = []): string {
  const lines = Object.entries(shape)
    .filter(([name]) => !SET_BY_COMPOSE.includes(name))
    .flatMap(([name, variable]) => [
      ...rangeComment(variable),
      name,
      ...(hasFile(name, shape) ? [`${name}_FILE`] : []),
    ]);
  return `# Made by \`npm run docs\`: the settings of the ${app}. docker compose passes on those that it finds in the shell or in .env.
# Set them there or in facequeue.env, not here.
${[...lines, ...more].join('\n')}
`;
}

/** The range of a setting as a line of an env file: compose takes a comment behind a name for a part of it. */
function rangeComment(variable: z.ZodType): string[] {
  const bounds = boundsOf(variable);
  if (!bounds) return [];
  const zero = bounds.zero === undefined ? '' : `, or 0: ${bounds.zero}`;
  return [`# ${bounds.least} to ${bounds.most}${zero}`];
}
