import type { CallerOptions, DetectionResult, Priority } from '@facequeue/schema';

/** The image of a call: its URL, its bytes, or its bytes in base64 (also as a `data:` URL). */
export type Image = { url: string } | { bytes: Uint8Array | ArrayBuffer | Blob } | { base64: string };

/** Options of a detection. docs/openapi.json explains each. */
export type DetectOptions = CallerOptions & {
  /** `bulk`: run after the interactive calls. */
  priority?: Priority;
  /** Receives a signed POST when the job has ended (docs/webhooks.md). */
  webhook_url?: string;
};

/** The reference service's answer, and what its headers say: the id of the job, null where a browser may not see it. */
export type Detection = DetectionResult & {
  jobId: string | null;
  /** Faces that were found but are over `max_faces`. */
  facesLeftOut: number;
};

/** A body for `fetch` that can be sent twice. */
export interface RequestBody {
  body: NonNullable<RequestInit['body']>;
  type: string;
}

/** The body of a call with an image. Bytes are sent as they are, the cheapest form for both sides. */
export function requestBody(image: Image): RequestBody {
  if ('bytes' in image) return { body: image.bytes as RequestBody['body'], type: 'application/octet-stream' };
  const members = 'url' in image ? { url: image.url } : { img: image.base64 };
  return { body: JSON.stringify(members), type: 'application/json' };
}

/** Options as a query string with its `?`; empty without options. */
export function queryString(options: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) if (value !== undefined) query.set(name, String(value));
  return query.size ? `?${query}` : '';
}
