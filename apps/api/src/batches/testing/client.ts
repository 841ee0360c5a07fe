/** Batches over HTTP, for tests. */
import type { BatchResource, ItemLine, Problem } from '@facequeue/schema';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read the members they expect
  body: any;
}

/** @param body NDJSON unless it is an object, which is sent as JSON; nothing when absent */
export async function post(url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const lines = typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream;
  const type: Record<string, string> =
    body === undefined ? {} : { 'content-type': lines ? 'application/x-ndjson' : 'application/json' };
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...type, ...headers },
    ...(body !== undefined && { body: lines ? (body as string) : JSON.stringify(body) }),
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  } as RequestInit);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

export async function get<T = BatchResource & Problem>(url: string): Promise<{ status: number; body: T }> {
  const response = await fetch(url);
  return { status: response.status, body: (await response.json()) as T };
}

/** The lines of results until the answer ends. */
export async function results(gateway: { url: string }, id: string, query = ''): Promise<ItemLine[]> {
  const response = await fetch(`${gateway.url}/batches/${id}/results${query}`);
  if (response.status !== 200) throw new Error(`results answer ${response.status}: ${await response.text()}`);
  return (await response.text())
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ItemLine);
}

/** All results until the batch is complete. */
export const allResults = (gateway: { url: string }, id: string) => results(gateway, id, '?follow=true');

/** Items as NDJSON. */
export const lines = (items: unknown[]) => `${items.map((item) => JSON.stringify(item)).join('\n')}\n`;

/** An item whose image is these bytes. */
export const inline = (text: string, id?: string) => ({ ...(id && { id }), img: Buffer.from(text).toString('base64') });
