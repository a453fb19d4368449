import type { FormatId } from "../../protocol/run";
import type { TextPart } from "../checks/textPart";
import type { RowPath, RowProblem } from "../problem";
import type { Sample, SampleShape } from "../sample";

export type JsonObject = Record<string, unknown>;

/** One of the fields that a format is made of, whatever a file calls it. */
export interface Part {
  name: string;
  /** The names that files give it; the first is the format's own. */
  spellings: readonly string[];
  required: boolean;
  /** Says that a value belongs to this format where two formats use one name; absent: any value does. */
  accepts?: (value: unknown) => boolean;
}

/** Where the parts of a format stand in the rows of one file; a part that is not listed is not there. */
export type Layout = Readonly<Record<string, RowPath>>;

/** One data set format. To add one: a file with a Format, and its line in registry.ts. */
export interface Format {
  id: FormatId;
  /** Shown to the user. */
  name: string;
  /** Of the samples it reads. */
  shape: SampleShape;
  /** Shown where a row fits no format: an example of the keys. */
  example: string;
  /** Null: rows can be fine-tuned on. Else why they cannot, as a sentence that says what to do. */
  untrainable: string | null;
  parts: readonly Part[];
  /** Empty if and only if `read` and `texts` may be called. */
  check(row: JsonObject, layout: Layout): RowProblem[];
  read(row: JsonObject, layout: Layout): Sample;
  /** The row's texts in their order. */
  texts(row: JsonObject, layout: Layout): TextPart[];
}

/** How the rows of one file are written. */
export interface Dialect {
  format: Format;
  layout: Layout;
  /** Keys that the file's rows have besides the format's; null where it was not looked. */
  usualKeys: ReadonlySet<string> | null;
  /** Whether most answers are Python: a doubtful one then counts as Python too. */
  mostlyPython: boolean;
  /** Equal for dialects that mean the same. */
  key: string;
}
