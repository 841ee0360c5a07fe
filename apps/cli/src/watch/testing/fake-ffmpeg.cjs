#!/usr/bin/env node
// An ffmpeg that follows a plan, for behaviour that is hard to get from the real one. FAKE_FFMPEG names a folder: plan.json has
// an entry for each run, the last one repeated; runs.ndjson gets a line for each run.
const { appendFileSync, readFileSync, writeSync } = require('node:fs');
const { join } = require('node:path');

if (process.argv[2] === '-version') process.exit(0);
const folder = process.env.FAKE_FFMPEG;
const log = join(folder, 'runs.ndjson');
const read = (name) => {
  try {
    return readFileSync(name, 'utf8');
  } catch {
    return '';
  }
};
const plan = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
const run = read(log).split('\n').filter(Boolean).length;
appendFileSync(log, `${JSON.stringify({ pid: process.pid, args: process.argv.slice(2) })}\n`);
const { frames, padding = 0, everyMs = 0, ends, stderr = '', stubborn = false } = plan[Math.min(run, plan.length - 1)];
if (stubborn) process.on('SIGTERM', () => {});

const next = (remaining) => {
  if (remaining.length) {
    // A JPEG whose last coded byte is the number of the frame.
    const frame = [0xff, 0xd8, 0xff, 0xda, 0, 3, 0, ...Array(padding).fill(0), remaining[0], 0xff, 0xd9];
    writeSync(1, Buffer.from(frame));
    setTimeout(next, everyMs, remaining.slice(1));
    return;
  }
  if (stderr) writeSync(2, `${stderr}\n`);
  if (ends === 'well') process.exit(0);
  if (ends === 'badly') process.exit(1);
  setInterval(() => {}, 1000);
};
next(frames);
