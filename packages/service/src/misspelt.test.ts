import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differsBy, misspeltMessage, misspeltSettings } from './misspelt.ts';

const SETTINGS = Object.fromEntries(
  `PORT HOST API_KEYS ALLOW_OPEN COMPAT SYNC_WAIT START_WITHIN MAX_IMAGE_BYTES MAX_INFLIGHT_BODY_BYTES HEADER_TIMEOUT BODY_TIMEOUT
  SHUTDOWN_GRACE LOG_LEVEL S3_SOURCE_PREFIXES S3_OUTPUT_PREFIXES BASE_PATH WEBHOOK_SECRETS REDIS_URL QUEUE_PREFIX
  MAX_WAITING_JOBS MAX_BLOB_BYTES MAX_RESULT_BYTES MAX_OLDEST RESULT_TTL BATCH_TTL MAX_ATTEMPTS SOURCE_ALLOW
  SOURCE_CONNECT_TIMEOUT SOURCE_HEADERS_TIMEOUT SOURCE_TIMEOUT S3_ENDPOINT MODEL_PACK DEVICE ENGINES ENGINE_TIMEOUT
  ENGINE_MAX_RSS WORKER_QUEUES WEBHOOK_TIMEOUT WEBHOOK_CONCURRENCY WORKER_HOST WORKER_PORT FACEQUEUE_HOME REDIS_MAXMEMORY`
    .split(/\s+/)
    .map((name) => [name, true]),
);

/** Environments of a Kubernetes pod, a shell on a laptop, npm and CI, with service names like ours. */
const FOREIGN = `
HOME=/home/node
HOSTNAME=facequeue-gateway-7d9f
HOSTTYPE=x86_64
PATH=/usr/local/bin:/usr/bin
PWD=/app
OLDPWD=/
SHELL=/bin/bash
SHLVL=1
USER=node
LOGNAME=node
LANG=en_GB.UTF-8
LC_ALL=C.UTF-8
TERM=xterm-256color
TZ=UTC
EDITOR=vi
PAGER=less
DISPLAY=:0
COLORTERM=truecolor
SSH_AUTH_SOCK=/run/ssh
XDG_RUNTIME_DIR=/run/user/1000
PORT_8080_TCP=tcp://10.0.0.1:8080
PORTS=80
HOSTS=a,b
KUBERNETES_PORT=tcp://10.0.0.1:443
KUBERNETES_PORT_443_TCP_ADDR=10.0.0.1
KUBERNETES_SERVICE_HOST=10.0.0.1
KUBERNETES_SERVICE_PORT=443
KUBERNETES_SERVICE_PORT_HTTPS=443
REDIS_PORT=tcp://10.0.0.7:6379
REDIS_PORT_6379_TCP=tcp://10.0.0.7:6379
REDIS_PORT_6379_TCP_ADDR=10.0.0.7
REDIS_SERVICE_HOST=10.0.0.7
REDIS_SERVICE_PORT=6379
REDIS_HOST=10.0.0.7
REDIS_PASSWORD=x
WORKER_SERVICE_HOST=10.0.0.9
WORKER_SERVICE_PORT=8081
WORKER_PORT_8081_TCP=tcp://10.0.0.9:8081
WORKER_PORT_8081_TCP_PORT=8081
GATEWAY_PORT=tcp://10.0.0.8:8080
GATEWAY_SERVICE_HOST=10.0.0.8
AWS_REGION=eu-west-1
AWS_ACCESS_KEY_ID=x
AWS_SECRET_ACCESS_KEY=x
AWS_SESSION_TOKEN=x
AWS_ENDPOINT_URL_S3=http://minio:9000
AWS_MAX_ATTEMPTS=3
S3_BUCKET=images
S3_REGION=eu-west-1
APP_KEY=x
API_URL=http://x
API_TOKEN=x
SECRET_KEY=x
OPENAI_API_KEY=x
DATABASE_URL=postgres://x
NODE_ENV=production
NODE_OPTIONS=--max-old-space-size=512
NODE_VERSION=24.21.0
NODE_EXTRA_CA_CERTS=/etc/ca.pem
NODE_PATH=/x
YARN_VERSION=1.22
npm_config_cache=/x
npm_config_loglevel=error
npm_lifecycle_event=start
npm_package_name=facequeue
npm_package_version=0.1.0
npm_node_execpath=/usr/bin/node
npm_execpath=/usr/bin/npm
INIT_CWD=/x
CI=true
DEBUG=1
LOG_FORMAT=json
LOG_FILE=/x
BATCH_SIZE=8
MODEL_PATH=/x
SERVICE=facequeue
DOCKER_HOST=unix:///x
COMPOSE_PROJECT_NAME=x
HTTP_PROXY=http://x
HTTPS_PROXY=http://x
NO_PROXY=localhost
MALLOC_ARENA_MAX=1
UV_THREADPOOL_SIZE=8
NVIDIA_VISIBLE_DEVICES=all
NVIDIA_DRIVER_CAPABILITIES=graphics
CUDA_VISIBLE_DEVICES=0
OMP_NUM_THREADS=1
VITEST=true
VITEST_WORKER_ID=1
TEST=true
`;

const environment = (text: string) =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

describe('misspelt settings', () => {
  it.each([
    ['API_KEY', 'API_KEYS'],
    ['ENGINE', 'ENGINES'],
    ['DEVICES', 'DEVICE'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['log_level', 'LOG_LEVEL'],
    ['REDIS_URI', 'REDIS_URL'],
    ['SHUTDOWN_GARCE', 'SHUTDOWN_GRACE'],
    ['WEBHOOK_SECRET', 'WEBHOOK_SECRETS'],
    ['MAX_WAITNG_JOB', 'MAX_WAITING_JOBS'],
    ['S3_SOURCE_PREFIX', 'S3_SOURCE_PREFIXES'],
  ])('%s is recognized as %s', (name, meant) => {
    const found = misspeltSettings({ [name]: 'hunter2', PORT: '80' }, SETTINGS);
    expect(found).toEqual([{ name, meant }]);
    expect(misspeltMessage(found[0]!)).toBe(`${name} is not a setting; did you mean ${meant}?`);
  });

  it('are not found among the variables of shells, npm, clouds and Kubernetes', () => {
    expect(misspeltSettings(environment(FOREIGN), SETTINGS)).toEqual([]);
  });

  it('are neither settings nor empty, and not reported when the setting is set', () => {
    expect(
      misspeltSettings(
        environment(
          Object.keys(SETTINGS)
            .map((name) => `${name}=1`)
            .join('\n'),
        ),
        SETTINGS,
      ),
    ).toEqual([]);
    expect(misspeltSettings({ API_KEY: '', ENGINE: undefined }, SETTINGS)).toEqual([]);
    expect(misspeltSettings({ ENGINE: 'v8', ENGINES: '2' }, SETTINGS)).toEqual([]);
  });
});

describe('a difference in letters', () => {
  const word = fc.stringMatching(/^[AB_]{0,8}$/);

  it('is 0 between equal words, and symmetric', () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 4 }), (a, b, most) => {
        expect(differsBy(a, a, 0)).toBe(true);
        expect(differsBy(a, b, most)).toBe(differsBy(b, a, most));
      }),
    );
  });

  it('is 1 after one letter was removed or two neighbours were swapped', () => {
    fc.assert(
      fc.property(word, fc.nat({ max: 8 }), (text, at) => {
        expect(differsBy(text, text.slice(0, at) + text.slice(at + 1), 1)).toBe(true);
        const [a = '', b = ''] = text.slice(at);
        expect(differsBy(text, text.slice(0, at) + b + a + text.slice(at + 2), 1)).toBe(true);
      }),
    );
  });

  it('is counted', () => {
    expect(differsBy('REDIS_PORT', 'REDIS_URL', 2)).toBe(false);
    expect(differsBy('REDIS_PORT', 'REDIS_URL', 3)).toBe(true);
  });
});
