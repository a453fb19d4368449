import { describeError } from "../../disk/describeError";
import type { AskPart, Trial } from "../../protocol/samplesView";
import type { FromRunPanel } from "../../protocol/webview";
import { JobCancelled, runJob } from "../jobs/runJob";
import { readSettings } from "../settings";
import type { RunPart, RunPartContext } from "./runPart";
import { parseAskPart, parseAskResult } from "./samplesMessages";

const MAX_TOKENS = 256;

/** One instruction at a time, answered by the base model and the tuned one in a job; the answers come in pieces. */
export class TryItPart implements RunPart {
  #trial: Trial | undefined;
  #asking: AbortController | undefined;

  constructor(private readonly context: RunPartContext) {}

  show(): void {
    if (this.#trial !== undefined) this.#tell();
  }

  receive(message: FromRunPanel): boolean {
    switch (message.type) {
      case "ask":
        if (this.#asking === undefined) void this.#ask(message.instruction);
        return true;
      case "stopAsking":
        this.#asking?.abort();
        return true;
      default:
        return false;
    }
  }

  async #ask(instruction: string): Promise<void> {
    const { run, services } = this.context;
    const asking = new AbortController();
    this.#asking = asking;
    const trial: Trial = {
      instruction,
      prompt: "",
      step: null,
      note: "",
      answers: [],
      state: "answering",
      message: "",
    };
    this.#trial = trial;
    this.#tell();
    try {
      const value = await runJob({
        extensionPath: services.extension.extensionPath,
        args: ["ask", run.directory, "--base", `--instruction=${instruction}`, ...settingOptions()],
        signal: asking.signal,
        onPartial: (part) => this.#take(trial, parseAskPart(part)),
      });
      Object.assign(trial, parseAskResult(value), { state: "answered" });
    } catch (error) {
      if (error instanceof JobCancelled) trial.state = "stopped";
      else Object.assign(trial, { state: "failed", message: describeError(error) });
    } finally {
      this.#asking = undefined;
      this.#tell();
    }
  }

  #take(trial: Trial, part: AskPart | undefined): void {
    switch (part?.type) {
      case "asked": {
        const { prompt, step, note, answers } = part;
        const begun = answers.map((base) => ({ base, text: "", tokens: 0, ended: null, seconds: null }));
        Object.assign(trial, { prompt, step, note, answers: begun });
        this.#tell();
        return;
      }
      case "piece": {
        const answer = trial.answers.find(({ base }) => base === part.piece.base);
        if (answer === undefined) return;
        const { from, text, tokens } = part.piece;
        Object.assign(answer, { text: answer.text.slice(0, from) + text, tokens });
        this.context.post({ type: "trialPiece", piece: part.piece });
        return;
      }
      case "end": {
        const { base, tokens, ended, seconds } = part;
        const answer = trial.answers.find((begun) => begun.base === base);
        if (answer !== undefined) Object.assign(answer, { tokens, ended, seconds });
        this.#tell();
        return;
      }
    }
  }

  #tell(): void {
    if (this.#trial !== undefined) this.context.post({ type: "trial", trial: this.#trial });
  }

  dispose(): void {
    this.#asking?.abort();
  }
}

function settingOptions(): string[] {
  const { enginePath, threads } = readSettings();
  const options = [`--max-tokens=${MAX_TOKENS}`, `--threads=${threads}`];
  return enginePath === "" ? options : [...options, `--engine=${enginePath}`];
}
