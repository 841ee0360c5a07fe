/** Batches in memory, as a gateway keeps them, with faults that a test scripts. */
import type { BatchResource, BatchStatus, ItemLine } from '@facequeue/schema';
import { type Problem, toProblem } from '@facequeue/schema/errors';
import { type Answer, json, problem, type ScriptedServer, type Seen } from './scripted-server.ts';

/** An item as it was received. */
export interface ScriptedItem {
  id?: string;
  url?: string;
  img?: string;
}

export interface ScriptedBatch {
  id: string;
  status: BatchStatus;
  items: ScriptedItem[];
  names: Set<string>;
  lines: ItemLine[];
  erased: boolean;
  /** Options of its creation. */
  made: Record<string, unknown>;
}

export interface ScriptedBatches {
  readonly all: ScriptedBatch[];
  /** Scripted answers to the next requests of a kind, each used once. */
  instead: Record<'create' | 'append' | 'close' | 'results' | 'erase', (Answer | 'break after')[]>;
  /** How an item ends; null: it does not end by itself. */
  work: (item: ScriptedItem) => 'succeeded' | 'failed' | null;
  /** Ends an item that does not end by itself. */
  end(batch: ScriptedBatch, item: ScriptedItem, status: ItemLine['status']): void;
  /** Most items of batches that were not erased; more are refused. */
  room: number;
  /** Why they are refused. */
  refusal: 'queue_full' | 'quota_exceeded';
  /** Seconds after which a request that was refused for lack of room should be sent again. */
  retryAfter: string;
  /** Objects that a listing finds. */
  listed: (prefix: string) => ScriptedItem[];
  /** Error of listings; null: they succeed. */
  listingError: Problem | null;
}

const NOW = '2026-01-01T00:00:00.000Z';

/** Adds batches to a scripted server. */
export function scriptBatches(service: ScriptedServer): ScriptedBatches {
  const all: ScriptedBatch[] = [];
  const readers = new Set<() => void>();
  const changed = () => {
    for (const reader of readers) reader();
  };

  const line = (batch: ScriptedBatch, item: ScriptedItem, status: ItemLine['status']): ItemLine => ({
    id: item.id ?? `#${batch.items.indexOf(item) + 1}`,
    status,
    finished_at: NOW,
    attempts: 1,
    image: status === 'succeeded' ? { width: 4, height: 3, format: 'jpeg', bytes: 9, orientation: 1 } : null,
    result: status === 'succeeded' ? { Faces: [], FaceModelVersion: '1.0.0' } : null,
    error: status === 'succeeded' ? null : toProblem(status === 'failed' ? 'image_undecodable' : 'canceled', status),
    timings: {},
    cursor: String(batch.lines.length + 1),
  });

  const resourceOf = (batch: ScriptedBatch): BatchResource => {
    const { s3 } = batch.made as { s3?: { prefix: string } };
    const error = scripted.listingError;
    return {
      ...resource(batch),
      ...(s3 && { listing: { url: s3.prefix, suffixes: [], status: error ? 'failed' : 'done', error } }),
    };
  };

  const settle = (batch: ScriptedBatch) => {
    if (batch.status === 'running' && batch.lines.length === batch.items.length) batch.status = 'finished';
    changed();
  };

  const add = (batch: ScriptedBatch, items: ScriptedItem[]): Answer => {
    let skipped = 0;
    let full = false;
    for (const item of items) {
      if (item.id !== undefined && batch.names.has(item.id)) {
        skipped += 1;
        continue;
      }
      full = all.reduce((sum, { erased, items }) => sum + (erased ? 0 : items.length), 0) >= scripted.room;
      if (full) break;
      if (item.id !== undefined) batch.names.add(item.id);
      batch.items.push(item);
      const status = scripted.work(item);
      if (status) batch.lines.push(line(batch, item, status));
    }
    settle(batch);
    if (full) return problem(scripted.refusal, { 'retry-after': scripted.retryAfter });
    return json({ accepted: items.length - skipped, skipped, failed: 0, batch: resourceOf(batch) });
  };

  const create = (made: Record<string, unknown>): ScriptedBatch => {
    const id = `01930000-0000-7000-8000-${String(all.length + 1).padStart(12, '0')}`;
    const batch: ScriptedBatch = { id, status: 'open', items: [], names: new Set(), lines: [], erased: false, made };
    all.push(batch);
    const { s3, items, open } = made as { s3?: { prefix: string }; items?: ScriptedItem[]; open?: boolean };
    add(batch, s3 ? scripted.listed(s3.prefix) : (items ?? []));
    if (!open) batch.status = 'running';
    settle(batch);
    return batch;
  };

  const stop = (batch: ScriptedBatch) => {
    const ended = new Set(batch.lines.map(({ id }) => id));
    batch.status = 'canceled';
    for (const item of batch.items) {
      const canceled = line(batch, item, 'canceled');
      if (!ended.has(canceled.id)) batch.lines.push(canceled);
    }
    changed();
  };

  const results = (batch: ScriptedBatch, query: URLSearchParams, response: Parameters<Answer>[0]) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    let sent = Number(query.get('after') ?? 0);
    const send = () => {
      for (const line of batch.lines.slice(sent)) response.write(`${JSON.stringify(line)}\n`);
      sent = batch.lines.length;
      const over = batch.erased || (batch.status !== 'open' && batch.lines.length === batch.items.length);
      if (over || query.get('follow') !== 'true') response.end();
    };
    readers.add(send);
    response.on('close', () => readers.delete(send));
    response.flushHeaders();
    send();
  };

  const respond = (response: Parameters<Answer>[0], request: Seen) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://service');
    const [, , id, part = ''] = pathname.split('/');
    const batch = all.find((one) => one.id === id);
    const kind = {
      POST: { '': 'create', items: 'append', close: 'close' }[part],
      GET: { results: 'results' }[part],
      DELETE: 'erase',
    }[request.method as 'GET'] as keyof ScriptedBatches['instead'] | undefined;
    const instead = kind && scripted.instead[kind].shift();
    if (instead && instead !== 'break after') return instead(response, request);
    if (instead === 'break after') {
      act();
      return void response.socket!.destroy();
    }
    act()(response, request);

    function act(): Answer {
      if (id === undefined) {
        const made = create(JSON.parse(request.body.toString()));
        return json(resourceOf(made), {}, 202);
      }
      if (!batch || batch.erased) return problem('gone');
      if (request.method === 'DELETE') {
        batch.erased = true;
        changed();
        return (response) => void response.writeHead(204).end();
      }
      if (part === 'items') {
        if (batch.status !== 'open') return problem('conflict');
        const lines = request.body.toString().trim().split('\n');
        return add(
          batch,
          lines.map((text) => JSON.parse(text)),
        );
      }
      if (part === 'close' && batch.status === 'open') batch.status = 'running';
      if (part === 'cancel') stop(batch);
      if (part === 'results') return (response) => results(batch, searchParams, response);
      settle(batch);
      return json(resourceOf(batch));
    }
  };

  const scripted: ScriptedBatches = {
    all,
    instead: { create: [], append: [], close: [], results: [], erase: [] },
    work: () => 'succeeded',
    end(batch, item, status) {
      batch.lines.push(line(batch, item, status));
      settle(batch);
    },
    listed: () => [],
    listingError: null,
    room: Number.POSITIVE_INFINITY,
    refusal: 'queue_full',
    retryAfter: '0',
  };
  service.answers = [respond];
  return scripted;
}

function resource({ id, status, items, lines }: ScriptedBatch): BatchResource {
  const count = (status: ItemLine['status']) => lines.filter((line) => line.status === status).length;
  const over = status === 'finished' || status === 'canceled';
  const self = `/batches/${id}`;
  return {
    id,
    status,
    created_at: NOW,
    closed_at: status === 'open' ? null : NOW,
    finished_at: over ? NOW : null,
    expires_at: over ? NOW : null,
    counts: {
      total: items.length,
      queued: items.length - lines.length,
      processing: 0,
      succeeded: count('succeeded'),
      failed: count('failed'),
      canceled: count('canceled'),
    },
    items_per_second: 0,
    estimated_finish: null,
    links: {
      self,
      results: `${self}/results`,
      items: `${self}/items`,
      close: `${self}/close`,
      cancel: `${self}/cancel`,
    },
  };
}
