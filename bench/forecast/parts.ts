/** What a run's time was spent on, by its events, under the names of a forecast's items. */
import type { EngineEvent } from "../../src/protocol/engine";

/** Seconds. */
export interface Parts {
  start: number;
  training: number;
  evaluation: number;
  answer: number;
  checkpoint: number;
}

/**
 * Each event is written when what it tells of has just ended, so the time since the event before it belongs to its kind. The
 * time until the first evaluation is that of the start, but for as long as the other evaluations took on the average.
 * `begin`: when the process was started, in milliseconds.
 */
export function partsOf(events: readonly EngineEvent[], begin: number, end: number): Parts {
  const parts: Parts = { start: 0, training: 0, evaluation: 0, answer: 0, checkpoint: 0 };
  let before = begin;
  let evaluations = 0;
  for (const event of events) {
    const seconds = (event.time - before) / 1000;
    before = event.time;
    const isFirst = event.type === "eval" && evaluations === 0;
    if (event.type === "step") parts.training += seconds;
    else if (event.type === "sample") parts.answer += seconds;
    else if (event.type === "eval" && !isFirst) parts.evaluation += seconds;
    else if (event.type === "checkpoint" || event.type === "done") parts.checkpoint += seconds;
    else parts.start += seconds;
    if (event.type === "eval") evaluations += 1;
  }
  parts.start += (end - before) / 1000;
  if (evaluations > 1) {
    const first = parts.evaluation / (evaluations - 1);
    parts.start -= first;
    parts.evaluation += first;
  }
  return parts;
}
