import type { Face } from '@facequeue/client';
import { stringify } from 'csv-stringify/sync';
import type { Format, Outcome } from './outcome.ts';

/** An image has a row for each face, or one row without a face; `faces` is the number of faces. Boxes are fractions, as in the API. */
const COLUMNS = [
  'id',
  'status',
  'faces',
  'face',
  'left',
  'top',
  'width',
  'height',
  'confidence',
  'gender',
  'age',
  'image_width',
  'image_height',
  'error',
];

/** A row of values with its end (RFC 4180, but LF). */
export function csvRow(values: readonly (string | number | null | undefined)[]): string {
  // Quotes a lone CR too, which ends a line for many readers.
  return stringify([[...values]], { quoted_match: /\r/ });
}

/**
 * The values of a row. A CSV library would accept more than `csvRow` writes; a results file must be refused then.
 * @param text without the end of line
 * @throws SyntaxError
 */
export function csvValues(text: string): string[] {
  // With a comma before each value, no match is empty.
  const fields = `,${text}`.match(/,(?:"(?:[^"]|"")*"|[^,"]*)/g) ?? [];
  if (fields.join('') !== `,${text}`) throw new SyntaxError('not a row');
  return fields.map((field) => (field[1] === '"' ? field.slice(2, -1).replaceAll('""', '"') : field.slice(1)));
}

function rows({ id, status, image, result, error }: Outcome): string {
  const Faces = result?.Faces ?? [];
  const row = (face: Face | null, number: number | null) => {
    const { Left, Top, Width, Height } = face?.BoundingBox ?? {};
    return csvRow([
      id,
      status,
      Faces.length,
      number,
      ...[Left, Top, Width, Height],
      ...[face?.Confidence, face?.gender, face?.age],
      ...[image?.width, image?.height],
      error && `${error.code}: ${error.detail}`,
    ]);
  };
  return Faces.length ? Faces.map((face, i) => row(face, i + 1)).join('') : row(null, null);
}

/** A row for each face, for spreadsheets. */
export const csv: Format = {
  header: csvRow(COLUMNS),
  text: rows,
  reader() {
    let text = '';
    /** The image whose rows are incomplete, and their number so far. */
    let open: { id: string; rows: number } | null = null;
    return {
      push(line) {
        text = text === '' ? line : `${text}\n${line}`;
        // An end of line inside quotes does not end the row.
        if (text.split('"').length % 2 === 0) return null;
        const values = csvValues(text);
        text = '';
        const [id, status, faces, face] = values as [string, string, string, string];
        open ??= { id, rows: 0 };
        open.rows += 1;
        const number = faces === '0' ? '' : String(open.rows);
        if (values.length !== COLUMNS.length || open.id !== id || face !== number)
          throw new SyntaxError('not an outcome');
        if (open.rows < Number(faces)) return null;
        open = null;
        return { id, status };
      },
    };
  },
  mayBegin: (text) => csvRow(COLUMNS).startsWith(text),
};
