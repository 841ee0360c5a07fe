/** What a body says of the image: its bytes, or where they lie. */
export type ImageInput = { bytes: Uint8Array } | { url: string };
