import type { CheckId } from "../checks/table";
import type { Dialect, JsonObject } from "../formats/format";
import type { ScannedLine } from "./rowScanner";

/** Follows a scan row by row, for what is counted beside the checks. */
export interface ScanObserver {
  /** A row whose structure is sound, in the file's order. What was found in its texts has been told before. */
  sound(line: ScannedLine, row: JsonObject, dialect: Dialect): void;
  /** Every finding of a check that is not off, kept or not. `line`: 1-based. */
  found(line: number, check: CheckId, message: string): void;
}
