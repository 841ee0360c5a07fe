import type { Face } from '@facequeue/client';
import type { Format, Outcome } from './outcome.ts';

/** `faces` counts the rows of the image: one a face, or a single one without a face. Boxes are fractions, as in the API. */
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

/** A row of values (RFC 4180, with LF), its end included. */
export function csvRow(values: readonly (string | number | null | undefined)[]): string {
  return `${values.map((value) => csvField(String(value ?? ''))).join(',')}\n`;
}

const csvField = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/**
 * The values of a row.
 * @param text without the end of line
 */
export function csvValues(text: string): string[] {
  // With a comma before each value there is none that is empty.
  const fields = `,${text}`.match(/,(?:"(?:[^"]|"")*"|[^,"]*)/g) ?? [];
  if (fields.join('') !== `,${text}`) throw new SyntaxError('no row');
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

/** A row a face, for spreadsheets. */
export const csv: Format = {
  header: csvRow(COLUMNS),
  text: rows,
  reader() {
    let begun = '';
    /** The image whose rows are not all there, and how many of them are. */
    let open: { id: string; rows: number } | null = null;
    return {
      push(line) {
        begun = begun === '' ? line : `${begun}\n${line}`;
        // Inside quotes an end of line ends nothing.
        if (begun.split('"').length % 2 === 0) return null;
        const values = csvValues(begun);
        begun = '';
        const [id, status, faces, face] = values as [string, string, string, string];
        open ??= { id, rows: 0 };
        open.rows += 1;
        const number = faces === '0' ? '' : String(open.rows);
        if (values.length !== COLUMNS.length || open.id !== id || face !== number) throw new SyntaxError('no outcome');
        if (open.rows < Number(faces)) return null;
        open = null;
        return { id, status };
      },
    };
  },
  mayBegin: (text) => csvRow(COLUMNS).startsWith(text),
};
