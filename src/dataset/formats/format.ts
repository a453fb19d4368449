import type { FormatId } from "../../protocol/run";
import type { RowProblem } from "../problem";
import type { Sample, SampleShape } from "../sample";

export type JsonObject = Record<string, unknown>;

/** One data set format. To add one: a file with a Format, and its line in registry.ts. */
export interface Format {
  id: FormatId;
  /** Shown to the user. */
  name: string;
  /** Of the samples it reads. */
  shape: SampleShape;
  /** Shown where a row fits no format: an example of the keys. */
  example: string;
  /** 0: none of the format's fields; 1: all of the required ones. Decides detection, says nothing about the values. */
  resemblance(row: JsonObject): number;
  /** Empty if and only if `read` may be called. */
  check(row: JsonObject): RowProblem[];
  read(row: JsonObject): Sample;
}
