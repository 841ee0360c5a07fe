#!/usr/bin/env node
// An ffmpeg that does what a plan says, for what is hard to have a real one do. FAKE_FFMPEG names a folder: plan.json has what
// each run does, the last one for good; runs.ndjson gets a line for each run.
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
const { frames, everyMs = 0, ends, says = '', stubborn = false } = plan[Math.min(run, plan.length - 1)];
if (stubborn) process.on('SIGTERM', () => {});

const next = (left) => {
  if (left.length) {
    // A picture whose only coded byte tells which it is.
    writeSync(1, Buffer.of(0xff, 0xd8, 0xff, 0xda, 0, 3, 0, left[0], 0xff, 0xd9));
    setTimeout(next, everyMs, left.slice(1));
    return;
  }
  if (says) writeSync(2, `${says}\n`);
  if (ends === 'well') process.exit(0);
  if (ends === 'badly') process.exit(1);
  setInterval(() => {}, 1000);
};
next(frames);
