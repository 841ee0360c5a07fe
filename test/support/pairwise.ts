/**
 * Few rows in which every two values of different columns occur together: faults between options mostly need two of them.
 * @example
 * pairwise({ profile: ['fast', 'balanced'], max_faces: [undefined, 2], landmarks: [true, false] }); // 4 rows instead of 8
 */
export function pairwise<Row>(values: { [Name in keyof Row]-?: readonly Row[Name][] }): Row[] {
  const names = Object.keys(values) as (keyof Row & string)[];
  const all = names.reduce<Row[]>(
    (rows, name) => rows.flatMap((row) => values[name].map((value) => ({ ...row, [name]: value }))),
    [{} as Row],
  );
  const pairsOf = (row: Row) =>
    names.flatMap((a, i) => names.slice(i + 1).map((b) => `${a} ${String(row[a])} ${b} ${String(row[b])}`));
  const missing = new Set(all.flatMap(pairsOf));
  const rows: Row[] = [];
  while (missing.size > 0) {
    const gain = all.map((row) => pairsOf(row).filter((pair) => missing.has(pair)).length);
    const best = all[gain.indexOf(Math.max(...gain))]!;
    rows.push(best);
    for (const pair of pairsOf(best)) missing.delete(pair);
  }
  return rows;
}
