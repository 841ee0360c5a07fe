import type { CallerOptions, DetectionResult } from '@facequeue/schema';

/** The image of a call: where it lies, its bytes, or its bytes in base64 (a `data:` URL will do). */
export type Image = { url: string } | { bytes: Uint8Array | ArrayBuffer | Blob } | { base64: string };

/** What may be asked of a detection; docs/openapi.json says what each is for. */
export type DetectOptions = CallerOptions & {
  /** Behind the interactive calls. */
  priority?: 'bulk';
  /** Told of the job's end by a signed POST (docs/jobs.md). */
  webhook_url?: string;
};

/** The reference service's answer, and the id of the job that ran the call; null where a browser may not see the header. */
export type Detection = DetectionResult & { jobId: string | null };

/** What `fetch` sends; it can be sent twice. */
export interface RequestBody {
  body: NonNullable<RequestInit['body']>;
  type: string;
}

/** An image as it travels. Bytes go as they are, the cheapest form for both sides. */
export function requestBody(image: Image): RequestBody {
  if ('bytes' in image) return { body: image.bytes as RequestBody['body'], type: 'application/octet-stream' };
  const members = 'url' in image ? { url: image.url } : { img: image.base64 };
  return { body: JSON.stringify(members), type: 'application/json' };
}

/** Options as a query string, `?` included; empty when nothing is asked. */
export function queryString(options: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) if (value !== undefined) query.set(name, String(value));
  return query.size ? `?${query}` : '';
}
