/** The commands of jobs.md, run as they stand there, in one shell, against a whole service. */
import { expect, it } from 'vitest';
import { HAS_CURL, runPage } from './run-page.ts';

const ID = '[0-9a-f]{8}-[0-9a-f-]{27}';

/** What each group of commands prints, by the heading it stands under. */
const EXPECTED: Record<string, RegExp> = {
  Jobs: /^$/,
  'Wait, or come back': new RegExp(
    String.raw`^HTTP/1\.1 202 Accepted\r\n.*X-Job-Id: (${ID})\r\nLocation: /jobs/\1\r\n.*` +
      String.raw`Preference-Applied: respond-async\r\n.*\r\n\r\n\{"id":"\1","status":"queued",`,
    's',
  ),
  Detail: /^\{"Faces":\[\{.*"landmark_106":.*"pose":\{"roll":.*"searched":\{"smallest_face_px":.*\}\}$/,
  'Read a job': new RegExp(
    String.raw`^\{"id":"(${ID})","status":"\w+",.*\}\{"id":"\1","status":"succeeded",.*"Faces":\[\{.*"links":\{.*\}\}$`,
  ),
  Follow:
    /^retry: 2000\n\n(id: \d-\w+\nevent: status\ndata: \{"id".*\}\n\n)*id: 1-succeeded\nevent: job\ndata: \{"id":.*"Faces":.*\}\n\n$/,
  'Repeat a call': new RegExp(`^200 (${ID})\n200 \\1\n200 \\1\n$`),
  'Cancel, erase': /("status":"canceled"|"code":"conflict").*\}204\n\{.*"code":"gone"/,
  'Command line': new RegExp(
    `^(${ID}  succeeded   test/images/portrait-\\d\\.jpg  1 face, .*\n){2}(${ID}  succeeded   \\d faces?, .*\n){5}` +
      `(\\S+Z  \\w+( \\(attempt 1\\))?\n)*${ID}  succeeded   1 face, .*\n$`,
  ),
};

it('the commands of the page do what it says', async ({ skip }) => {
  skip(!HAS_CURL, 'curl is not installed');
  const printed = await runPage('jobs.md');
  expect(printed.map(({ heading }) => heading)).toEqual(Object.keys(EXPECTED));
  for (const { heading, text } of printed) expect(text, heading).toMatch(EXPECTED[heading]!);
});
