import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askForEvaluation, EvaluationMark, evaluationIsAskedFor } from "../../evaluation/report/evaluationMark";
import { adapterSha256, writeEvaluation } from "../../evaluation/report/reportFiles";
import type { EvaluatedAnswer, EvaluationReport, ModelAnswer, ModelFigures } from "../../protocol/evaluation";
import type { FromRunPanel, ToRunPanel } from "../../protocol/webview";
import type { Services } from "../context";
import { JobCancelled, type JobOptions } from "../jobs/runJob";
import { RunEvaluations } from "../runs/runEvaluations";
import type { TrackedRun } from "../runs/runRegistry";
import { evaluationPart } from "./evaluationPart";
import type { RunPart } from "./runPart";

const vscode = vi.hoisted(() => ({
  trusted: true,
  answer: undefined as string | undefined,
  asked: 0,
  executed: [] as unknown[][],
}));
vi.mock("vscode", () => {
  class EventEmitter<T> {
    readonly #listeners = new Set<(value: T) => void>();
    readonly event = (listener: (value: T) => void) => {
      this.#listeners.add(listener);
      return { dispose: () => this.#listeners.delete(listener) };
    };
    fire = (value: T) => {
      for (const listener of this.#listeners) listener(value);
    };
    dispose = () => this.#listeners.clear();
  }
  class Position {
    constructor(
      readonly line: number,
      readonly character: number,
    ) {}
  }
  class Range {
    constructor(
      readonly start: Position,
      readonly end: Position,
    ) {}
  }
  return {
    EventEmitter,
    Position,
    Range,
    ViewColumn: { Beside: -2 },
    Uri: { file: (path: string) => ({ fsPath: path }) },
    l10n: { t: (text: string) => text },
    workspace: {
      get isTrusted() {
        return vscode.trusted;
      },
      getConfiguration: () => ({ get: (_name: string, fallback: unknown) => fallback }),
    },
    window: {
      tabGroups: { all: [] },
      showWarningMessage: async () => {
        vscode.asked++;
        return vscode.answer;
      },
    },
    commands: { executeCommand: async (...args: unknown[]) => void vscode.executed.push(args) },
  };
});

const jobs = vi.hoisted(() => ({ run: async (_options: unknown): Promise<unknown> => undefined }));
vi.mock("../jobs/runJob", async (original) => ({
  ...(await original<typeof import("../jobs/runJob")>()),
  runJob: (options: unknown) => jobs.run(options),
}));

/** Longer than a window takes to look again. */
const WAIT = { timeout: 20_000 };

const figures: ModelFigures = {
  loss: 1,
  ended: { count: 1, of: 1 },
  parses: { count: 1, of: 1 },
  exact: { count: 0, of: 1 },
  similarity: 0.5,
  tokens: 3,
  passed: null,
};
const said: ModelAnswer = {
  text: "x",
  ended: true,
  tokens: 3,
  exact: false,
  similarity: 0.5,
  parses: true,
  passed: null,
  failure: null,
};

describe("the evaluation of a run in its page", () => {
  let directory: string;
  let data: string;
  let posted: ToRunPanel[];
  let kept: Map<string, unknown>;
  let evaluations: RunEvaluations;
  let part: RunPart;
  let run: TrackedRun;
  /** The window has found its runs. */
  let loaded: () => void;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tunesmith-part-"));
    data = join(directory, "rows.jsonl");
    mkdirSync(join(directory, "adapter"));
    writeFileSync(join(directory, "adapter", "adapter_model.safetensors"), "weights");
    Object.assign(vscode, { trusted: true, answer: undefined, asked: 0, executed: [] });
    posted = [];
    kept = new Map();
    const workspaceState = {
      get: (key: string) => kept.get(key),
      update: async (key: string, value: unknown) => void kept.set(key, value),
    };
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    loaded = () => {};
    const runs = { runs: [] as TrackedRun[], onDidChange: (listener: () => void) => onLoaded(listener) };
    const onLoaded = (listener: () => void) => {
      loaded = listener;
      return { dispose: () => {} };
    };
    evaluations = new RunEvaluations({ extensionPath: "/ext", workspaceState } as never, log as never, runs as never);
    run = {
      directory,
      id: "run",
      usable: true,
      head: () => ({ state: "finished" }),
      history: { end: { type: "done", step: 60, adapterStep: 40, early: true }, bestStep: 40 },
      spec: { dataset: { path: data, heldOut: { kind: "none" } } },
    } as unknown as TrackedRun;
    runs.runs.push(run);
    part = evaluationPart({
      services: { evaluations } as unknown as Services,
      run,
      post: (message) => void posted.push(message),
    });
  });
  afterEach(() => {
    part.dispose();
    evaluations.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  const views = () => posted.flatMap((message) => (message.type === "evaluation" ? [message.view] : []));
  const send = (message: FromRunPanel) => part.receive(message);
  const idle = () =>
    vi.waitFor(() => {
      expect(evaluations.progress(directory)).toBeNull();
      expect(views().at(-1)?.progress).toBeNull();
    });
  /** A job that goes on until it is cancelled. */
  const untilCancelled = (options: unknown) =>
    new Promise((_resolve, reject) => {
      const { signal } = options as JobOptions;
      const cancel = () => reject(new JobCancelled());
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel);
    });

  async function evaluate(answers: EvaluatedAnswer[] = []): Promise<EvaluationReport> {
    const report: EvaluationReport = {
      version: 1,
      createdAt: "2026-11-23T04:00:00.000Z",
      settings: { rows: 50, maxTokens: 256, seed: 0 },
      adapter: { sha256: (await adapterSha256(directory)) ?? "", step: 40, early: true },
      instructions: { heldOut: 1, answered: answers.length },
      heldOut: { targets: 10, documents: 1 },
      base: figures,
      tuned: figures,
      tests: { state: "not-asked", rows: 1 },
      seconds: 1,
    };
    await writeEvaluation(directory, "Try", report, answers);
    return report;
  }
  const answer = (file: string): EvaluatedAnswer => ({
    file,
    row: 7,
    prompt: "?",
    expected: "x",
    python: true,
    base: said,
    tuned: said,
  });

  it("begins with nothing, and whose adapter it is", async () => {
    await part.show();
    expect(views()).toEqual([
      {
        possible: true,
        adapter: { step: 40, lastStep: 60, early: true, bestStep: 40 },
        progress: null,
        failure: null,
        report: null,
        stale: false,
        codeAllowed: false,
      },
    ]);
  });

  it("shows the report, and that the adapter has changed since", async () => {
    const report = await evaluate();
    await part.show();
    expect(views().at(-1)).toMatchObject({ report, stale: false });
    writeFileSync(join(directory, "adapter", "adapter_model.safetensors"), "other weights");
    await part.show();
    expect(views().at(-1)).toMatchObject({ report, stale: true });
  });

  it("says what is wrong with a damaged report", async () => {
    await evaluate();
    writeFileSync(join(directory, "evaluation", "report.json"), "{");
    await part.show();
    expect(views().at(-1)).toMatchObject({ report: null, failure: expect.stringContaining("is damaged") });
  });

  it("runs one job at a time, tells how far it is, and why it failed", async () => {
    let started = 0;
    let fail: (reason: Error) => void = () => {};
    jobs.run = (options) => {
      started++;
      (options as JobOptions).onProgress?.("Held-out loss", 0.5);
      expect((options as JobOptions).args).not.toContain("--run-code");
      return new Promise((_resolve, reject) => {
        fail = reject;
      });
    };
    await send({ type: "evaluate" });
    await send({ type: "evaluate" });
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject({ stage: "Held-out loss", fraction: 0.5 }));
    expect(started).toBe(1);
    fail(new Error("The model is damaged."));
    await idle();
    expect(views().at(-1)?.failure).toBe("The model is damaged.");
  });

  it("says nothing where it was cancelled", async () => {
    jobs.run = untilCancelled;
    await send({ type: "evaluate" });
    await send({ type: "cancelEvaluation" });
    await idle();
    expect(views().at(-1)?.failure).toBeNull();
  });

  it("tells why the processor computes", async () => {
    jobs.run = (options) => {
      (options as JobOptions).onPartial?.({ note: "The GPU is taken." });
      return new Promise(() => {});
    };
    await send({ type: "evaluate" });
    const progress = { note: "The GPU is taken.", elsewhere: false };
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject(progress));
  });

  it("shows what another process is at, asks for no second one, and sees that it has ended", async () => {
    let started = 0;
    jobs.run = async () => void started++;
    const mark = await EvaluationMark.take(directory);
    mark.tell({ stage: "Answering held-out instructions", fraction: 0.9, detail: "45 of 50" });
    loaded();
    const progress = { detail: "45 of 50", fraction: 0.9, elsewhere: true };
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject(progress), WAIT);
    jobs.run = async () => {
      started++;
      throw new Error("It is being evaluated already.");
    };
    await send({ type: "evaluate" });
    await vi.waitFor(() => expect(started).toBe(1));
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject(progress), WAIT);
    expect(views().at(-1)?.failure).toBeNull();
    expect(started).toBe(1);
    await mark.release({ ended: true });
    await vi.waitFor(() => expect(views().at(-1)?.progress).toBeNull(), WAIT);
    expect(started).toBe(1);
  });

  it("goes on with an evaluation that a window has left, once it is nobody's", async () => {
    let finish = () => {};
    let started = 0;
    jobs.run = () => {
      started++;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    };
    const mark = await EvaluationMark.take(directory);
    await askForEvaluation(directory);
    loaded();
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject({ elsewhere: true }), WAIT);
    expect(started).toBe(0);
    await mark.release({ ended: false });
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject({ elsewhere: false }), WAIT);
    expect(started).toBe(1);
    finish();
    await idle();
    expect(await evaluationIsAskedFor(directory)).toBe(false);
    expect(started).toBe(1);
  });

  it.each([
    ["in an untrusted folder", () => Object.assign(vscode, { trusted: false })],
    [
      "that was asked for on another machine",
      () => writeFileSync(join(directory, "evaluation", "asked.json"), '{"host":"elsewhere"}'),
    ],
    ["of a run that goes on again", () => Object.assign(run, { usable: false })],
  ])("goes on with nothing %s", async (_name, change) => {
    let started = 0;
    jobs.run = async () => void started++;
    const mark = await EvaluationMark.take(directory);
    await askForEvaluation(directory);
    change();
    loaded();
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject({ elsewhere: true }), WAIT);
    await mark.release({ ended: false });
    await vi.waitFor(() => expect(views().at(-1)?.progress).toBeNull(), WAIT);
    expect(started).toBe(0);
  });

  it("takes nothing behind a link for asked for, and goes on once with what cannot be taken back", async () => {
    const outside = join(directory, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "asked.json"), JSON.stringify({ host: hostname() }));
    symlinkSync(outside, join(directory, "evaluation"));
    expect(await evaluationIsAskedFor(directory)).toBe(false);
    await evaluations.start(run);
    expect(evaluations.failure(directory)).toContain("is not a folder of the run's own");
    // What is asked for from now on could not be taken back a moment ago.
    rmSync(join(directory, "evaluation"));
    await askForEvaluation(directory);
    const start = vi.spyOn(evaluations, "start");
    const mark = await EvaluationMark.take(directory);
    loaded();
    await vi.waitFor(() => expect(views().at(-1)?.progress).toMatchObject({ elsewhere: true }), WAIT);
    await mark.release({ ended: false });
    await vi.waitFor(() => expect(views().at(-1)?.progress).toBeNull(), WAIT);
    expect(start).not.toHaveBeenCalled();
  });

  it("is left for the next window where this one goes, not where it was cancelled or has failed", async () => {
    jobs.run = untilCancelled;
    await send({ type: "evaluate" });
    await vi.waitFor(async () => expect(await evaluationIsAskedFor(directory)).toBe(true));
    await send({ type: "cancelEvaluation" });
    await idle();
    expect(await evaluationIsAskedFor(directory)).toBe(false);
    const ended = evaluations.start(run);
    await vi.waitFor(async () => expect(await evaluationIsAskedFor(directory)).toBe(true));
    evaluations.dispose();
    await ended;
    expect(await evaluationIsAskedFor(directory)).toBe(true);
  });

  it("runs code only once that was allowed, asks once, and forgets", async () => {
    const given: boolean[] = [];
    jobs.run = async (options) => void given.push((options as JobOptions).args.includes("--run-code"));
    await send({ type: "evaluateWithTests" });
    expect(given).toEqual([]);
    vscode.answer = "Run Code";
    await send({ type: "evaluateWithTests" });
    await vi.waitFor(() => expect(given).toEqual([true]));
    await idle();
    await send({ type: "evaluateWithTests" });
    await vi.waitFor(() => expect(given).toEqual([true, true]));
    await idle();
    expect(vscode.asked).toBe(2);
    vscode.trusted = false;
    expect(evaluations.permission.given).toBe(false);
    expect(await evaluations.permission.ask()).toBe(false);
    vscode.trusted = true;
    await evaluations.permission.forget();
    await send({ type: "evaluate" });
    await vi.waitFor(() => expect(given).toEqual([true, true, false]));
    await idle();
  });

  it("takes no other value in the workspace's state for a yes", () => {
    kept.set("tunesmith.runCode", "true");
    expect(evaluations.permission.given).toBe(false);
  });

  it("gives the answers where they are asked for, and opens rows of the run's own data alone", async () => {
    await evaluate([answer(data), answer("/etc/passwd")]);
    await part.show();
    expect(posted.some(({ type }) => type === "evaluatedAnswers")).toBe(false);
    await send({ type: "showEvaluatedAnswers" });
    expect(posted.at(-1)).toMatchObject({ type: "evaluatedAnswers", total: 2 });
    await send({ type: "openEvaluatedRow", index: 1 });
    await send({ type: "openEvaluatedRow", index: 99 });
    expect(vscode.executed).toEqual([]);
    await send({ type: "openEvaluatedRow", index: 0 });
    expect(vscode.executed).toEqual([["vscode.open", { fsPath: data }, expect.anything()]]);
  });

  it("opens the report in the preview", async () => {
    await evaluate();
    await send({ type: "openEvaluationReport" });
    const file = { fsPath: join(directory, "evaluation", "report.md") };
    expect(vscode.executed).toEqual([["markdown.showPreviewToSide", file]]);
  });

  it("leaves other sections' messages alone", async () => {
    expect(await send({ type: "stop" })).toBe(false);
  });
});
