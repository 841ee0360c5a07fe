/** How an image reaches a service. */
import type { Picture } from './pictures.ts';

export const FORMS = ['raw', 'base64', 'multipart', 'url', 'batch', 'cameras'] as const;
export type Form = (typeof FORMS)[number];
/** One call an image. */
export type CallForm = Exclude<Form, 'batch' | 'cameras'>;

export interface CallBody {
  contentType: string;
  bytes: Uint8Array;
}

/** The body of a call. @param url where the picture can be fetched */
export async function bodyOf(form: CallForm, { bytes, contentType, name }: Picture, url: string): Promise<CallBody> {
  const json = (value: object) => ({
    contentType: 'application/json',
    bytes: new TextEncoder().encode(JSON.stringify(value)),
  });
  switch (form) {
    case 'raw':
      return { contentType, bytes };
    case 'base64':
      return json({ img: Buffer.from(bytes).toString('base64') });
    case 'url':
      return json({ url });
    case 'multipart': {
      const data = new FormData();
      data.set('img', new Blob([Uint8Array.from(bytes)], { type: contentType }), name);
      const response = new Response(data);
      return { contentType: response.headers.get('content-type')!, bytes: await response.bytes() };
    }
  }
}
