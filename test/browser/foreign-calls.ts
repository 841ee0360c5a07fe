/** Runs in a page of another site: makes the calls that a browser lets any page make. */

/** @param query `api`: where the service is */
export default async function foreignCalls(query: URLSearchParams) {
  const api = query.get('api')!;
  const outcome = (path: string, init: RequestInit = {}) =>
    fetch(api + path, init).then(
      ({ type, status }) => `${type} ${status}`,
      () => 'failed',
    );
  const upload = new FormData();
  upload.append('img', new Blob([Uint8Array.of(1, 2, 3)]));
  return {
    read: await outcome('/system'),
    json: await outcome('/face_detection', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"img":"YWJj"}',
    }),
    form: await outcome('/face_detection', { method: 'POST', mode: 'no-cors', body: upload }),
    // What an image, a script or a style sheet of the page does.
    embed: await outcome('/system', { mode: 'no-cors' }),
  };
}
