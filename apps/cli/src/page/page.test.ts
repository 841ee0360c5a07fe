import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { photographBytes } from '../../../../test/support/fixtures/index.ts';
import { escaped, renderPage } from './page.ts';

const HOSTILE = `</pre></style><script>alert("1")</script>'&`;
const picture = {
  caption: HOSTILE,
  marks: [{ box: { x: 9, y: 9, width: 40, height: 50 }, colour: '#f00' }],
  closeUps: [],
};

describe('renderPage', () => {
  it('shows names, captions and errors as text', async () => {
    const page = await renderPage({ title: HOSTILE, text: HOSTILE, legend: [{ colour: 'found', meaning: HOSTILE }] }, [
      { file: HOSTILE, picture, read: () => photographBytes('no-face-cat.png') },
      { file: 'gone.jpg', picture, read: () => Promise.reject(new Error(HOSTILE)) },
    ]);
    expect(page).not.toContain('<script');
    // Title twice, table, legend, name and alternative text, two captions, an error.
    expect(page.split(escaped(HOSTILE))).toHaveLength(10);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page.match(/<img /g)).toHaveLength(1);
  });

  it('lets the browser load nothing, and apply no style but its own', async () => {
    const page = await renderPage({ title: 'a', text: 'b', legend: [] }, []);
    const style = /<style>([\s\S]*)<\/style>/.exec(page)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(
      `content="default-src 'none'; img-src data:; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    );
    expect(page).toContain('There is no image to show.');
  });
});
