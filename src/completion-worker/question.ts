import type { CodeQuestion } from "../protocol/worker";

/** A question about one piece of code, with nothing from around it: for the command line and benchmarks. */
export function codeAlone(code: Pick<CodeQuestion, "prefix" | "suffix" | "multiline" | "maxTokens">): CodeQuestion {
  return { ...code, document: "", context: [], contextTokens: 0, instruction: null, ahead: false };
}
