/** The run page's curves and what controls a run. Types only. */

export type ToLiveView =
  /** What was asked for is in the clipboard, or in a file that a person chose. */
  { type: "curvesCopied"; what: "csv" | "png"; rows: number | null; file: string | null };

export type FromLiveView =
  | { type: "pause" }
  | { type: "continue" }
  | { type: "checkpoint" }
  /** Before schedule and warm-up. */
  | { type: "setLearningRate"; learningRate: number }
  | { type: "compare" }
  | { type: "export" }
  /** Of a long run it becomes a file: a clipboard is no place for it. */
  | { type: "copyCsv" }
  /** The page may not write pictures to the clipboard here; `data` is base64. */
  | { type: "savePng"; data: string };
