import { describe, expect, it } from 'vitest';
import { ffmpegArguments, readSource, withoutSecrets } from './source.ts';

const read = (text: string) => readSource(text, (path) => path.endsWith('.mp4'));

describe('readSource', () => {
  it.each([
    ['rtsp://camera.example/live', true, ['-rtsp_transport', 'tcp', '-i', 'rtsp://camera.example/live']],
    ['RTSPS://camera.example:322/1', true, ['-rtsp_transport', 'tcp', '-i', 'RTSPS://camera.example:322/1']],
    ['http://camera.example/mjpg/video.mjpg', true, ['-i', 'http://camera.example/mjpg/video.mjpg']],
    ['/dev/video0', true, ['-f', 'v4l2', '-i', '/dev/video0']],
    ['https://example.org/a.MP4?x=1', false, ['-i', 'https://example.org/a.MP4?x=1']],
    ['a:b.mp4', false, ['-i', 'file:a:b.mp4']],
    ['./-i.mp4', false, ['-i', 'file:./-i.mp4']],
  ])('recognizes %s', (text, live, input) => {
    const source = read(text);
    expect(source.live).toBe(live);
    expect(source.input.slice(-input.length)).toEqual(input);
    // The timestamps of cameras jump.
    expect(source.input.includes('-use_wallclock_as_timestamps')).toBe(live);
  });

  it.each([
    '-i',
    '--help',
    'none.avi',
    '/dev/video',
    '/dev/sda',
    'ftp://h/a.mp4',
    'concat:a.mp4|b.mkv',
    'file:///etc/passwd.mp4',
    'rtsp://',
    'http://',
    'lavfi://x',
  ])('refuses %s', (text) => {
    expect(() => read(text)).toThrow(/xpected rtsp:\/\/…/);
  });

  it('hides user name, password and query, also in the output of ffmpeg', () => {
    const source = read('rtsp://user:secret@camera.example:554/live?token=secret');
    expect(source.label).toBe('rtsp://camera.example:554/live');
    for (const line of [
      `${source.text}: Connection refused`,
      '[rtsp @ 0x5] method DESCRIBE failed for rtsp://user:secret@camera.example/other: 404 Not Found',
    ])
      expect(withoutSecrets(line, source)).not.toMatch(/secret|user/);
    expect(() => read('ftp://user:secret@h/')).toThrow(/^ftp:\/\/…: expected/);
  });
});

describe('ffmpegArguments', () => {
  it('asks for the rate, for a file from its beginning, and for real time where wanted', () => {
    const args = ffmpegArguments(read('a.mp4'), 2.5, true);
    expect(args[args.indexOf('-vf') + 1]).toMatch(/^fps=2.5:round=up:start_time=0,scale=/);
    // An option after the input would apply to the output.
    expect(args.indexOf('-re')).toBeLessThan(args.indexOf('-i'));
    expect(ffmpegArguments(read('a.mp4'), 2, false)).not.toContain('-re');
    const live = ffmpegArguments(read('rtsp://camera.example/'), 2, true);
    expect(live).not.toContain('-re');
    expect(live[live.indexOf('-vf') + 1]).toMatch(/^fps=2:round=up,/);
  });
});
