/** Which columns of a source become which fields, as `tunesmith dataset import --columns` takes it. Pure. */

/** A column's name or path, and how its first value begins. */
export interface SourceColumn {
  path: string;
  preview: string;
}

/** What the rows can become; each field is asked for, `optional` ones can be left out. */
export interface MappingTarget {
  id: "alpaca" | "prompt-completion" | "chat" | "text";
  fields: readonly { name: string; optional: boolean }[];
}

export const mappingTargets: readonly MappingTarget[] = [
  {
    id: "alpaca",
    fields: [
      { name: "instruction", optional: false },
      { name: "input", optional: true },
      { name: "output", optional: false },
    ],
  },
  {
    id: "prompt-completion",
    fields: [
      { name: "prompt", optional: false },
      { name: "completion", optional: false },
    ],
  },
  { id: "chat", fields: [{ name: "messages", optional: false }] },
  { id: "text", fields: [{ name: "text", optional: false }] },
];

/** The value of `--columns`. */
export function columnsOption(fields: readonly { name: string; column: string }[]): string {
  const escaped = (text: string) => text.replace(/[,=\\]/g, "\\$&");
  return fields.map(({ name, column }) => `${escaped(name)}=${escaped(column)}`).join(",");
}
