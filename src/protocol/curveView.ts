/** How a run's curves reach the pages that draw them. Types only. */
import type { SeriesPiece } from "./seriesPiece";

export type SeriesName =
  | "loss"
  | "evalLoss"
  | "learningRate"
  | "gradientNorm"
  /** Of each step alone. */
  | "tokensPerSecond"
  /** Bytes; with a GPU those of the whole of it. */
  | "memory"
  /** Percent. */
  | "utilisation"
  /** °C. */
  | "temperature";

/** `attempt`: the engine was started anew and went on from this step. `best`: the lowest held-out loss so far. */
export type MarkKind = "checkpoint" | "best" | "paused" | "resumed" | "attempt" | "learning-rate" | "warning";

export interface CurveMark {
  kind: MarkKind;
  step: number;
  /** Of a checkpoint: it was that of the lowest held-out loss when it was written. */
  best?: true;
  /** A warning's words, or the new learning rate. */
  text?: string;
}

/** What the curves have gained since the last piece. */
export interface CurvePiece {
  type: "curve";
  id: string;
  /** What came before is void: the curves begin anew with this piece. */
  restart: boolean;
  /** False: the next piece is under way. */
  last: boolean;
  series: Partial<Record<SeriesName, SeriesPiece>>;
  marks: CurveMark[];
}
