/** The image of a request: its bytes, or its URL. */
export type ImageInput = { bytes: Uint8Array } | { url: string };
