/** The run page's samples and Try it. Types only. */

export interface SampleAnswer {
  /** The adapter's; 0 for the base model's answer. */
  step: number;
  text: string;
  tokens: number;
  /** By itself, not at the limit. */
  ended: boolean;
}

export interface PinnedSample {
  id: string;
  instruction: string;
  /** The rendered prompt. */
  text: string;
  /** The answer ends here at the latest. */
  maxTokens: number;
  /** The base model's; null until there is one. */
  base: SampleAnswer | null;
  /** In the order of their steps. */
  answers: SampleAnswer[];
}

/** The result of the job `samples`. */
export interface SampleReport {
  samples: PinnedSample[];
  /** Why samples.json could not be read: one sentence; null where it could. */
  problem: string | null;
}

/** One of the two answers of Try it. */
export interface TriedAnswer {
  base: boolean;
  text: string;
  tokens: number;
  /** Null while it is being written, and where it was stopped. */
  ended: boolean | null;
  /** Null until it is complete. */
  seconds: number | null;
}

export interface Trial {
  instruction: string;
  /** The rendered prompt; empty until it is known. */
  prompt: string;
  /** Of the adapter that answers; null: not known yet, or it is the base model alone that does. */
  step: number | null;
  /** Where it computes, if that needs saying: one sentence, or empty. */
  note: string;
  answers: TriedAnswer[];
  state: "answering" | "answered" | "stopped" | "failed";
  /** One sentence; empty unless failed. */
  message: string;
}

/** A stretch of an answer: what it holds from `from` on (UTF-16 code units) is replaced by `text`. */
export interface AnswerPiece {
  base: boolean;
  from: number;
  text: string;
  tokens: number;
}

export type ToSamples =
  | { type: "samples"; state: "loading" }
  | { type: "samples"; state: "ready"; report: SampleReport }
  | { type: "samples"; state: "error"; message: string }
  /** Of a prompt that is being pinned: under way, done, or one sentence why not. */
  | { type: "pinning"; state: "busy" | "done" }
  | { type: "pinning"; state: "failed"; message: string }
  | { type: "trial"; trial: Trial }
  | { type: "trialPiece"; piece: AnswerPiece };

export type FromSamples =
  | { type: "addSample"; instruction: string }
  | { type: "removeSample"; id: string }
  | { type: "ask"; instruction: string }
  | { type: "stopAsking" };

/** What the job `ask` hands over ahead of its result. */
export type AskPart =
  | { type: "asked"; prompt: string; step: number | null; note: string; answers: boolean[] }
  | { type: "piece"; piece: AnswerPiece }
  | { type: "end"; base: boolean; tokens: number; ended: boolean; seconds: number };

/** The result of the job `ask`. */
export type AskResult = Pick<Trial, "instruction" | "prompt" | "step" | "note" | "answers">;
