/** Tables for people. */
export type Cell = string | number | null;

/** Rows as columns: the first aligned to the left, the others to the right; null is a dash. */
export function textTable(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = [titles, ...rows].map((row) => row.map((cell) => (cell === null ? '-' : String(cell))));
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) => {
      const padded = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
      );
      return `  ${padded.join('  ').trimEnd()}\n`;
    })
    .join('');
}

/** A share as a percentage with one decimal. */
export function percent(share: number | null): string | null {
  return share === null ? null : `${(100 * share).toFixed(1)} %`;
}

/** A number with so many decimals. */
export function fixed(value: number | null, decimals: number): string | null {
  return value === null ? null : value.toFixed(decimals);
}
