/** Keeps a core busy until its parent is gone. */
process.once('disconnect', () => process.exit());
// In slices: the event loop sees the end of the channel between them.
const SLICE_MS = 50;
(function burn() {
  for (const end = performance.now() + SLICE_MS; performance.now() < end; );
  setImmediate(burn);
})();
