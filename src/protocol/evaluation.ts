/**
 * `evaluation/` of a run directory: how held-out instructions are answered without and with the adapter. Types only.
 *
 *   report.json    EvaluationReport
 *   answers.jsonl  EvaluatedAnswer, one a line, in the order of the prompts
 *   report.md      the same for people
 */

export const EVALUATION_VERSION = 1;

export interface EvaluationReport {
  version: typeof EVALUATION_VERSION;
  /** ISO 8601. */
  createdAt: string;
  settings: EvaluationSettings;
  adapter: {
    /** Of adapter/adapter_model.safetensors: a report on another adapter is out of date. */
    sha256: string;
    /** Whose adapter it is; null: an engine that did not tell. */
    step: number | null;
    /** The run ended early, because the held-out loss fell no further. */
    early: boolean;
  };
  /** Held-out rows that are instructions, and how many of them were answered. */
  instructions: { heldOut: number; answered: number };
  /** Over all held-out rows. */
  heldOut: { targets: number; documents: number };
  base: ModelFigures;
  tuned: ModelFigures;
  tests: TestRuns;
  seconds: number;
}

export interface EvaluationSettings {
  /** At most so many held-out instructions, drawn by the seed. */
  rows: number;
  /** Tokens of an answer at most. */
  maxTokens: number;
  seed: number;
}

/** `count` of `of`; `of` may be 0. */
export interface Share {
  count: number;
  of: number;
}

/** Figures of one model: the base model, or the same with the adapter. */
export interface ModelFigures {
  /** Mean over the held-out targets, nats. Perplexity is its exponential. */
  loss: number;
  /** Answers that end by themselves, not at the limit of tokens. */
  ended: Share;
  /** Answers whose code parses, of those where the row's own answer is Python. */
  parses: Share;
  /** Answers that are the row's own, but for white space around them. */
  exact: Share;
  /** Mean edit similarity with the row's own answer, 0 to 1; null: nothing was answered. */
  similarity: number | null;
  /** Mean length of an answer; null: nothing was answered. */
  tokens: number | null;
  /** pass@1; null: no tests were run. */
  passed: Share | null;
}

/** What became of the tests that rows carry. */
export type TestRuns =
  /** No row that was answered carries tests. */
  | { state: "none" }
  /** `rows` carry tests; code is run only where that is asked for. */
  | { state: "not-asked"; rows: number }
  /** They could not be run safely, or not at all: one sentence. */
  | { state: "refused"; rows: number; reason: string }
  /** Rows whose own answer fails its tests say nothing about a model and are left out. */
  | { state: "run"; rows: number; leftOut: number };

export interface EvaluatedAnswer {
  /** The data set's file, and its 1-based line. */
  file: string;
  row: number;
  /** As the model sees it, control tokens included. */
  prompt: string;
  expected: string;
  /** The row's own answer is Python. */
  python: boolean;
  base: ModelAnswer;
  tuned: ModelAnswer;
}

export interface ModelAnswer {
  text: string;
  ended: boolean;
  tokens: number;
  exact: boolean;
  /** 0 to 1. */
  similarity: number;
  /** Null where the row's own answer is not Python. */
  parses: boolean | null;
  /** Null where no tests were run. */
  passed: boolean | null;
  /** Why the tests did not pass: one line; null where they did, or were not run. */
  failure: string | null;
}
