import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { findEngine } from "../engineBinary";

export const repository = resolve(__dirname, "../../..");
export const tinyPython = join(repository, "models", "tiny-python");

/** The built engine; a test that needs it fails with the sentence that says where it was looked for. */
export function realEngine(): Promise<string> {
  return findEngine({ root: repository });
}

/** Short rows of an alpaca data set, all different. */
export function writeRows(file: string, count: number): string {
  const rows = Array.from({ length: count }, (_, index) => ({
    instruction: `Return ${index}.`,
    input: "",
    output: `def number_${index}():\n    return ${index}`,
  }));
  writeFileSync(file, `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
  return file;
}
