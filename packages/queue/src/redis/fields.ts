/** { name, value, name, value, … } as Redis returns hashes to scripts and entries of streams, by name. */
export function fieldsOf(pairs: readonly Buffer[]): Record<string, Buffer> {
  const fields: Record<string, Buffer> = {};
  for (let i = 0; i < pairs.length; i += 2) fields[pairs[i]!.toString()] = pairs[i + 1]!;
  return fields;
}
