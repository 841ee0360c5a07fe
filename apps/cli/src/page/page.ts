/** A page that shows images: one file, without a script, that loads nothing. */
import { createHash } from 'node:crypto';
import { type Drawn, drawPicture } from './draw-picture.ts';
import { COLOURS, type Picture } from './picture.ts';

/** An image on the page. */
export interface PageEntry {
  file: string;
  picture: Picture;
  /** The bytes of the image. */
  read(): Promise<Uint8Array>;
}

export interface PageHead {
  title: string;
  /** The tables of the run, as text. */
  text: string;
  /** What each colour of a box means. */
  legend: readonly { colour: keyof typeof COLOURS; meaning: string }[];
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.35rem; overflow-wrap: anywhere; }
pre { background: color-mix(in srgb, currentColor 7%, transparent); overflow-x: auto; padding: .8rem 1rem; border-radius: .4rem; }
ul.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; list-style: none; padding: 0; }
ul.legend i { border: 2px solid; display: inline-block; height: .7rem; margin-right: .4rem; width: .7rem; background: #000; }
${Object.entries(COLOURS)
  .map(([name, colour]) => `i.${name} { border-color: ${colour} !important; }`)
  .join('\n')}
section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); margin-top: 1.2rem; padding-top: .4rem; }
h2 { font-size: 1rem; margin: .4rem 0; overflow-wrap: anywhere; }
p { margin: .3rem 0 .6rem; }
div { align-items: flex-start; display: flex; flex-wrap: wrap; gap: .5rem; }
img { background: #777; height: auto; max-width: 100%; }
`;

/**
 * @param entries in the sequence in which they are shown; one that cannot be read has a sentence instead of its picture
 * @returns HTML. Names and captions are text, never markup.
 */
export async function renderPage(head: PageHead, entries: readonly PageEntry[]): Promise<string> {
  const sections: string[] = [];
  for (const { file, picture, read } of entries) {
    const drawn = await read()
      .then((bytes) => drawPicture(bytes, picture))
      .catch((error: Error) => error.message);
    sections.push(sectionOf(file, picture.caption, drawn));
  }
  const hash = createHash('sha256').update(STYLE).digest('base64');
  const policy = `default-src 'none'; img-src data:; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const legend = head.legend.map(({ colour, meaning }) => `<li><i class="${colour}"></i>${escaped(meaning)}</li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(head.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(head.title)}</h1>
<pre>${escaped(head.text)}</pre>
<ul class="legend">${legend.join('')}</ul>
${sections.join('\n') || '<p>There is no image to show.</p>'}
</body>
</html>
`;
}

function sectionOf(file: string, caption: string, drawn: Drawn[] | string): string {
  const pictures =
    typeof drawn === 'string'
      ? `<p>${escaped(drawn)}</p>`
      : `<div>${drawn.map(({ bytes, width, height }) => image(bytes, width, height, file)).join('')}</div>`;
  return `<section>\n<h2>${escaped(file)}</h2>\n<p>${escaped(caption)}</p>\n${pictures}\n</section>`;
}

function image(bytes: Buffer, width: number, height: number, file: string): string {
  const source = `data:image/jpeg;base64,${bytes.toString('base64')}`;
  return `<img src="${source}" width="${width}" height="${height}" alt="${escaped(file)}">`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an element or a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
