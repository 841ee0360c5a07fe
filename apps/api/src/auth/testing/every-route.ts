/** Every route of the API as a call, for tests of who may make it. */
import { newJobId } from '@facequeue/queue';
import type { TestGateway } from '../../../../../test/support/gateway/index.ts';

export interface Row {
  /**
   * `open` answers everybody; `shared` answers every key alike; `own` works on what belongs to the key alone; `id` names one thing, which
   * another key cannot have.
   */
  kind: 'open' | 'shared' | 'own' | 'id';
  /** Status of the owner's call on a live thing; on one that has ended, where that differs. */
  status: number;
  ended?: number;
  query?: string;
  type?: string;
  body?: string;
  headers?: Record<string, string>;
}

export const IMAGE = { type: 'image/png', body: 'image' };
export const ITEMS = { type: 'application/x-ndjson', body: '{"img":"YWJj"}\n' };
export const LATER = { prefer: 'respond-async' };

/** Each route of the API, in an order in which the owner can call them all on one job and one batch. */
export const ROUTES: Record<string, Row> = {
  'get /livez': { kind: 'open', status: 200 },
  'get /readyz': { kind: 'open', status: 200 },
  'get /ping': { kind: 'open', status: 200 },
  'get /openapi.json': { kind: 'open', status: 200 },
  'get /system': { kind: 'shared', status: 200 },
  'get /metrics': { kind: 'shared', status: 200 },
  'get /admin/keys': { kind: 'shared', status: 200 },
  'post /face_detection': { kind: 'own', status: 202, ...IMAGE, headers: LATER },
  'post /face-detection': { kind: 'own', status: 202, ...IMAGE, headers: LATER },
  'post /invocations': { kind: 'own', status: 202, ...IMAGE, headers: LATER },
  'post /batches': { kind: 'own', status: 202, ...ITEMS },
  'get /cameras': { kind: 'own', status: 200 },
  'post /cameras/{camera}/frames': { kind: 'own', status: 202, ...IMAGE },
  'get /cameras/{camera}': { kind: 'id', status: 200 },
  'get /cameras/{camera}/events': { kind: 'own', status: 200 },
  'delete /cameras/{camera}': { kind: 'id', status: 204 },
  'get /jobs/{id}': { kind: 'id', status: 200 },
  'get /jobs/{id}/events': { kind: 'id', status: 200 },
  'post /jobs/{id}/cancel': { kind: 'id', status: 200, ended: 409 },
  'delete /jobs/{id}': { kind: 'id', status: 204 },
  'get /batches/{id}': { kind: 'id', status: 200 },
  'get /batches/{id}/results': { kind: 'id', status: 200 },
  'post /batches/{id}/items': { kind: 'id', status: 200, ended: 409, ...ITEMS },
  'post /batches/{id}/close': { kind: 'id', status: 200 },
  'post /batches/{id}/cancel': { kind: 'id', status: 200, ended: 409 },
  'delete /batches/{id}': { kind: 'id', status: 204 },
};
export const routes = (...kinds: Row['kind'][]) =>
  Object.entries(ROUTES).filter(([, { kind }]) => kinds.includes(kind));

/** Ids and names of things; those of nobody have never existed. */
export interface Things {
  jobs: string[];
  batch: string;
  camera: string;
}

export async function callRoute(
  gateway: Pick<TestGateway, 'url'>,
  route: string,
  { id = '', camera = '' },
  headers: Record<string, string>,
  query = '',
) {
  const [method, path] = route.split(' ') as [string, string];
  const { type, body, headers: more } = ROUTES[route]!;
  const disconnect = new AbortController();
  const response = await fetch(gateway.url + path.replace('{id}', id).replace('{camera}', camera) + query, {
    method: method.toUpperCase(),
    headers: { ...more, ...(type !== undefined && { 'content-type': type }), ...headers },
    ...(body !== undefined && { body }),
    signal: disconnect.signal,
  });
  // A stream of what is alive has no end.
  const streams = response.headers.get('content-type')?.startsWith('text/event-stream');
  const text = streams ? '' : await response.text();
  disconnect.abort();
  const { 'x-request-id': _, date, 'content-length': __, ...sent } = Object.fromEntries(response.headers);
  return { status: response.status, headers: sent, text };
}

export const nobodys = (camera: string): Things => ({
  jobs: [newJobId(), newJobId(), newJobId()],
  batch: newJobId(),
  camera,
});

/** The same route for each thing that it can name. */
export function targets(route: string, { jobs, batch, camera }: Things): { id?: string; camera?: string }[] {
  if (route.includes('{camera}')) return [{ camera }];
  // A job's id names no batch, nor the other way round.
  return route.includes('/jobs/') ? [...jobs, batch].map((id) => ({ id })) : [{ id: batch }, { id: jobs[0]! }];
}
