import { CameraResource, FrameEvent, JobResource } from '@facequeue/schema';
import { expect, it } from 'vitest';
import { HAS_CURL, runPage } from './run-page.ts';

it('the commands of the page do what it says', async ({ skip }) => {
  skip(!HAS_CURL, 'curl is not installed');
  const printed = await runPage('cameras.md');
  expect(printed.map(({ heading }) => heading)).toEqual([
    'Cameras',
    'Post frames',
    'Results',
    'State of a camera',
    'Erase a camera',
  ]);
  const [functions, posted, events, camera, erased] = printed.map(({ text }) => text);
  expect(functions).toBe('');
  const [, accepted, job] = /^((?:202 [0-9a-f-]{36}\n)+)(.*)$/.exec(posted!)!;
  expect(accepted!.trim().split('\n')).toHaveLength(3);
  expect(JobResource.parse(JSON.parse(job!))).toMatchObject({ status: 'succeeded', frame: { camera: 'gate-1' } });

  expect(events).toMatch(/^retry: 2000\n\nid: start\n\n(id: \d+\nevent: frame\ndata: \{.*\}\n\n)+$/);
  const frames = [...events!.matchAll(/^data: (.*)$/gm)].map(([, data]) => FrameEvent.parse(JSON.parse(data!)));
  expect(frames.map(({ frame_time, result }) => [frame_time, result?.Faces.length]).sort()).toEqual([
    ['2026-01-02T03:00:01.000Z', 1],
    ['2026-01-02T03:00:02.000Z', 1],
    ['2026-01-02T03:00:03.000Z', 1],
    ['2026-01-02T03:00:04.000Z', 1],
  ]);
  expect(CameraResource.parse(JSON.parse(camera!)).counts).toMatchObject({ posted: 4, succeeded: 4 });
  expect(erased).toBe('204\n');
});
