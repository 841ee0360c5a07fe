/** Runs in the page: makes every call of the client once. */
import { createClient, isFacequeueError, type JobEvent } from '@facequeue/client';

/** An image in which the worker finds faces, and one that it keeps until the page requests /go. */
const IMAGE = { bytes: new Blob([Uint8Array.of(1, 2, 3)], { type: 'image/jpeg' }) };
const UNFINISHED = { bytes: Uint8Array.of(9, 9, 9) };

/** @param query `api`: where the service is */
export default async function everyCall(query: URLSearchParams) {
  const client = createClient({ baseUrl: query.get('api')! });
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => 'no error',
      (error) => (isFacequeueError(error) ? error.code : String(error)),
    );

  const detection = await client.detect(IMAGE, { max_faces: 3 });
  const job = await client.submit(IMAGE, {}, { waitMs: 20_000 });
  const twice = await Promise.all([1, 2].map(() => client.submit(UNFINISHED, {}, { idempotencyKey: 'from a page' })));
  const events: JobEvent[] = [];
  for await (const event of client.follow(twice[0]!.id)) {
    events.push(event);
    if (event.type === 'status' && event.status === 'processing') await fetch('/go');
  }
  const items = [
    { id: 'a', ...IMAGE },
    { id: 'b', bytes: Uint8Array.of(4, 5, 6) },
    { id: 'c', base64: '!' },
  ];
  const results = await Array.fromAsync(client.batchResults(items, { options: { max_faces: 3 } }));
  const batch = await client.createBatch({ open: true });
  const appended = await client.appendItems(batch.id, [IMAGE, IMAGE]);
  await client.closeBatch(batch.id);
  let lines = 0;
  for await (const _ of client.results(batch.id, { follow: true })) lines += 1;
  const counts = (await client.batch(batch.id)).counts;
  const canceled = await codeOf(client.cancelBatch(batch.id));
  await client.eraseBatch(batch.id);
  const opened = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const frame of client.frames('gate-1', { onOpen: () => opened.resolve() })) return frame;
    return null;
  })();
  await opened.promise;
  const { id: frameJob } = await client.postFrame('gate-1', IMAGE, {
    max_age: 60,
    frame_time: new Date(1767322800000),
  });
  const frame = await reading;
  const names = (await client.cameras()).map(({ camera }) => camera);
  const { posted } = (await client.camera('gate-1')).counts;
  await client.eraseCamera('gate-1');
  const erasedCamera = await codeOf(client.camera('gate-1'));
  const aborted = await codeOf(client.wait(job.id, { signal: AbortSignal.abort(new Error('not wanted')) }));
  const waited = await client.wait(twice[1]!.id);
  const conflict = await codeOf(client.cancel(job.id));
  await client.erase(job.id);
  return {
    detection,
    job,
    twice,
    events,
    aborted,
    waited,
    conflict,
    erased: await codeOf(client.job(job.id)),
    refused: await codeOf(client.detect({ url: 'file:///etc/passwd' })),
    ready: await client.ready(),
    batches: { results, appended, lines, counts, canceled },
    cameras: { job: frameJob, frame, names, posted, erased: erasedCamera },
  };
}
