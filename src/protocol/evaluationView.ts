/** Extension host ↔ the section of a run's page that shows its evaluation. Types only. */

import type { EvaluatedAnswer, EvaluationReport } from "./evaluation";

export interface EvaluationView {
  /** The run has ended and left an adapter. */
  possible: boolean;
  /** Whose adapter it is; null: the engine did not tell. */
  adapter: AdapterOrigin | null;
  progress: ShownProgress | null;
  /** Why the last one failed, or why its report cannot be read: one sentence. */
  failure: string | null;
  report: EvaluationReport | null;
  /** The adapter is another one than the report's. */
  stale: boolean;
  /** The user has allowed code to be run in this workspace. */
  codeAllowed: boolean;
}

/** An evaluation is going on. */
export interface ShownProgress {
  stage: string;
  /** Null: nobody knows how far it is. */
  fraction: number | null;
  detail: string | null;
  /** Why it does not compute where one would expect it: one sentence. */
  note: string | null;
  /** Another window or program is at it. */
  elsewhere: boolean;
}

export interface AdapterOrigin {
  step: number;
  lastStep: number;
  early: boolean;
  /** That of the lowest held-out loss; null: none was called the best. */
  bestStep: number | null;
}

export interface ShownAnswer extends EvaluatedAnswer {
  /** Place in answers.jsonl, from 0. */
  index: number;
  /** Above 0: the tuned model's answer is better than the base model's. */
  change: number;
}

export type ToEvaluation =
  | { type: "evaluation"; view: EvaluationView }
  /** `total`: how many there are; of many only the first come. */
  | { type: "evaluatedAnswers"; answers: ShownAnswer[]; total: number };

export type FromEvaluation =
  | { type: "evaluate" }
  /** Asks for permission to run code where it was not given. */
  | { type: "evaluateWithTests" }
  | { type: "cancelEvaluation" }
  | { type: "openEvaluationReport" }
  | { type: "showEvaluatedAnswers" }
  | { type: "openEvaluatedRow"; index: number };
