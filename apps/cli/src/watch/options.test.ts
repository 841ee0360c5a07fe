import { describe, expect, it } from 'vitest';
import { parseWatchCall } from './options.ts';

const CAMERA = 'rtsp://user:secret@camera.example:554/live?token=secret';
const THIS_FILE = new URL(import.meta.url).pathname;
const unless = { service: 'http://127.0.0.1:8080', apiKey: undefined };
const parse = (...args: string[]) => parseWatchCall(args, unless);

describe('the command line of watch', () => {
  it('keeps the newest frame of a camera and every frame of a file unless --keep says otherwise', () => {
    expect(parse(CAMERA, '--camera', 'c')).toMatchObject({ camera: 'c', fps: 2, keep: 'latest', print: 'lines' });
    expect(parse(THIS_FILE, '--camera', 'c').keep).toBe('all');
    expect(parse(THIS_FILE, '--camera', 'c', '--keep', 'latest').keep).toBe('latest');
  });

  it('reads the rate, the age limit, the detection options and the service', () => {
    const args = ['--fps', '.5', '--max-age', '0.2', '--profile', 'fast', '--no-landmarks', '--json'];
    expect(
      parse(CAMERA, '--camera', 'c', ...args, '--server', 'https://faces.example', '--api-key', 'k'),
    ).toMatchObject({
      fps: 0.5,
      maxAge: 0.2,
      options: { profile: 'fast', landmarks: false, attributes: true },
      print: 'json',
      service: 'https://faces.example',
      apiKey: 'k',
    });
  });

  it.each([
    [[], /takes one SOURCE/],
    [['a.mp4', 'b.mp4', '--camera', 'c'], /takes one SOURCE/],
    [['none.mp4', '--camera', 'c'], /there is no such file\. Expected rtsp:/],
    [['--camera', 'c', '--', '-i'], /^-i: expected rtsp:.* \.\/-i/],
    [[CAMERA], /needs --camera NAME/],
    [[CAMERA, '--camera', 'a b'], /--camera a b: a camera's name has 1 to 64/],
    [[CAMERA, '--camera', 'c', '--fps', '0'], /--fps 0: expected a number from 0\.01 to 60/],
    [[CAMERA, '--camera', 'c', '--keep', 'newest'], /--keep newest: expected latest or all/],
    [[CAMERA, '--camera', 'c', '--max-age', '9999'], /--max-age 9999: expected a number from 0\.05 to 3600/],
    [[CAMERA, '--camera', 'c', '--start', '2026-01-02T03:04:05Z'], /--start is for files/],
    [[THIS_FILE, '--camera', 'c', '--start', 'yesterday'], /--start yesterday: expected a time such as/],
    [[THIS_FILE, '--camera', 'c', '--start', '2026-01-02'], /expected a time such as/],
    [[THIS_FILE, '--camera', 'c', '--start', '2026-01-02T03:04:05'], /expected a time such as/],
    [[CAMERA, '--camera', 'c', '--json', '--quiet'], /do not go together/],
    [[CAMERA, '--camera', 'c', '--server', 'nowhere'], /--server nowhere/],
    [[CAMERA, '--camera', 'c', '--colour', 'red'], /Unknown option '--colour'/],
  ])('refuses %j', (args, why) => {
    expect(() => parse(...args)).toThrow(why);
  });
});
