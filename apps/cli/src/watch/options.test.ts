import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addWatchOptions, readWatchCall } from './options.ts';

const CAMERA = 'rtsp://user:secret@camera.example:554/live?token=secret';
const THIS_FILE = new URL(import.meta.url).pathname;

function parse(...args: string[]) {
  const silent = { writeErr: () => {}, writeOut: () => {} };
  const command = addWatchOptions(new Command('watch').exitOverride().configureOutput(silent));
  command.parse(args, { from: 'user' });
  return readWatchCall(command.args[0]!, command.opts());
}

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
    [[], /required option '--camera <NAME>' not specified/],
    [['--camera', 'c'], /missing required argument 'SOURCE'/],
    [['a.mp4', 'b.mp4', '--camera', 'c'], /too many arguments.* Expected 1 argument but got 2/],
    [['none.mp4', '--camera', 'c'], /no such file; expected rtsp:/],
    [['--camera', 'c', '--', '-i'], /^-i: expected rtsp:.* \.\/-i/],
    [[CAMERA], /required option '--camera <NAME>' not specified/],
    [[CAMERA, '--camera', 'a b'], /--camera <NAME>' argument 'a b' is invalid\. a camera's name has 1 to 64/],
    [[CAMERA, '--camera', 'c', '--fps', '0'], /--fps <N>' argument '0' .*Expected a number from 0\.01 to 60/],
    [[CAMERA, '--camera', 'c', '--keep', 'newest'], /--keep <WHICH>' argument 'newest' .*latest, all/],
    [[CAMERA, '--camera', 'c', '--max-age', '9999'], /'9999' is invalid\. Expected a number from 0\.05 to 3600/],
    [[CAMERA, '--camera', 'c', '--start', '2026-01-02T03:04:05Z'], /--start is for files/],
    [[THIS_FILE, '--camera', 'c', '--start', 'yesterday'], /--start <TIME>' argument 'yesterday' .*a time such as/],
    [[THIS_FILE, '--camera', 'c', '--start', '2026-01-02'], /Expected a time such as/],
    [[THIS_FILE, '--camera', 'c', '--start', '2026-01-02T03:04:05'], /Expected a time such as/],
    [[CAMERA, '--camera', 'c', '--json', '--quiet'], /'--json' cannot be used with option '--quiet'/],
    [[CAMERA, '--camera', 'c', '--server', 'nowhere'], /--server <URL>' argument 'nowhere'/],
    [[CAMERA, '--camera', 'c', '--colour', 'red'], /unknown option '--colour'/],
  ])('refuses %j', (args, why) => {
    expect(() => parse(...args)).toThrow(why);
  });
});
