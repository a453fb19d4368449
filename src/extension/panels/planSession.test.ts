import { EventEmitter as Emitter } from "node:events";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { DataSummary, ToRunPanel } from "../../protocol/webview";
import type { Services } from "../context";
import { JobCancelled, type JobOptions, runJob } from "../jobs/runJob";
import { defaultForm } from "../runs/planForm";
import { type StartRequest, startRun } from "../runs/startRun";
import { PlanSession } from "./planSession";

const fakes = vi.hoisted(() => ({
  settings: {} as Record<string, unknown>,
  windowState: [] as ((state: { focused: boolean }) => void)[],
  configuration: [] as ((event: { affectsConfiguration: () => boolean }) => void)[],
}));

vi.mock("vscode", () => {
  const never = () => ({ dispose: () => {} });
  const listens =
    <T>(listeners: T[]) =>
    (listener: T) => {
      listeners.push(listener);
      return { dispose: () => {} };
    };
  return {
    EventEmitter: class {
      readonly #emitter = new Emitter();
      readonly event = (listener: () => void) => {
        this.#emitter.on("fired", listener);
        return { dispose: () => {} };
      };
      fire(): void {
        this.#emitter.emit("fired");
      }
      dispose(): void {}
    },
    l10n: { t: (text: string, ...args: string[]) => text.replace(/\{(\d)\}/g, (_, index) => String(args[index])) },
    workspace: {
      getConfiguration: () => ({ get: (name: string, otherwise: unknown) => fakes.settings[name] ?? otherwise }),
      getWorkspaceFolder: () => undefined,
      workspaceFolders: [],
      onDidSaveTextDocument: never,
      onDidChangeConfiguration: listens(fakes.configuration),
    },
    window: { onDidChangeWindowState: listens(fakes.windowState) },
  };
});
vi.mock("../jobs/runJob", async (original) => ({ ...(await original<object>()), runJob: vi.fn() }));
vi.mock("../runs/startRun", () => ({ startRun: vi.fn(), engineOf: async () => "/engine" }));
vi.mock("../models/tuningDevice", () => ({ tuningDevice: async () => ({ kind: "cpu" }) }));
vi.mock("../../run/forecast", async (original) => ({
  ...(await original<object>()),
  forecastRun: () => new Promise(() => {}),
}));

const DATASET = "/data/sums.jsonl";
const BUNDLED = "/models/tiny";
const none = () => ({ dispose: () => {} });
/** Folders of base models that are there, beside the bundled one. */
const present = new Set<string>();
const services = {
  extension: { extensionPath: "/extension" },
  log: { error: () => {}, debug: () => {}, warn: () => {} },
  models: {
    choices: async () => [{ path: BUNDLED, label: "tiny", parameters: 1 }],
    defaultPath: async () => BUNDLED,
    inspect: async (path: string) => ({
      path,
      label: path,
      parameters: null,
      problem: present.has(path) ? null : `${path} cannot be read`,
    }),
    onDidChange: none,
  },
  runs: { folderFor: () => "/data/.tunesmith/runs", onDidChange: none, onDidUpdate: none },
  queue: { ahead: () => [], waitsFor: () => null, watchMachine: none, onDidChange: none },
} as unknown as Services;

const summary: DataSummary = {
  path: DATASET,
  choice: { format: "prompt-completion", fields: { prompt: "asked" } },
  format: "prompt-completion",
  rows: 10,
  used: 10,
  skipped: 0,
  skippedByReason: {},
  tokens: 500,
  trainRows: 9,
  trainTokens: 450,
  trainTargets: 300,
  documentTokens: 50,
  packed: { sequenceLength: 1024, packing: true, train: 6, longest: 70 },
  rowTokens: { prompt: 20, answer: 30 },
  evalRows: 1,
  evalTokens: 50,
  completionSamples: 0,
  completionTokens: 0,
  datasets: [],
  problems: [],
  preview: [],
};

/** Counts that are under way; a test ends them. */
let counts: { args: readonly string[]; end(summary: DataSummary): void }[];
const form = defaultForm(DATASET, BUNDLED, 1024);

function openPlan(kept = form) {
  const posted: ToRunPanel[] = [];
  const started: string[] = [];
  const dataset = { fsPath: DATASET, toString: () => DATASET } as never;
  const session = new PlanSession(
    services,
    dataset,
    kept,
    (message) => posted.push(message),
    (run) => started.push(run.id),
  );
  const plan = () => posted.findLast((message) => message.type === "plan")!;
  return { session, posted, started, plan };
}

beforeEach(() => {
  counts = [];
  present.clear();
  vi.mocked(runJob).mockImplementation(
    ({ args, signal }: JobOptions) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new JobCancelled()));
        counts.push({ args, end: resolve });
      }),
  );
  vi.mocked(startRun).mockReset();
  vi.mocked(startRun).mockResolvedValue({ id: "made" } as never);
});

describe("a plan that is started", () => {
  const request = (): StartRequest => vi.mocked(startRun).mock.calls[0]![1];

  it("waits for the count that is under way, and goes by it", async () => {
    const { session, posted, started } = openPlan();
    await session.show();
    const start = session.start(form);
    await Promise.resolve();
    expect(posted.at(-1)).toMatchObject({ type: "starting", stage: "Counting rows and tokens" });
    expect(startRun).not.toHaveBeenCalled();
    counts[0]!.end(summary);
    await start;
    expect(request()).toMatchObject({ choice: summary.choice, sequences: 6 });
    expect(started).toEqual(["made"]);
  });

  it("is counted as it is started, not as it was shown", async () => {
    const { session } = openPlan();
    await session.show();
    expect(counts.at(-1)!.args).not.toContain("--no-packing");
    const start = session.start({ ...form, sequenceLength: 256, packing: false });
    expect(counts.at(-1)!.args.join(" ")).toContain("--sequence-length 256");
    expect(counts.at(-1)!.args).toContain("--no-packing");
    counts.at(-1)!.end({ ...summary, packed: { sequenceLength: 256, packing: false, train: 9, longest: 70 } });
    await start;
    expect(request()).toMatchObject({ sequences: 9 });
  });

  it("can be given up while it is counted", async () => {
    const { session, posted } = openPlan();
    await session.show();
    const start = session.start(form);
    session.cancelStart();
    await start;
    expect(posted.at(-1)).toMatchObject({ type: "startFailed", message: expect.stringContaining("cancelled") });
    expect(startRun).not.toHaveBeenCalled();
  });

  it("is none where no row can be used", async () => {
    const { session, posted } = openPlan();
    await session.show();
    const start = session.start(form);
    counts[0]!.end({ ...summary, used: 0 });
    await start;
    expect(posted.at(-1)).toMatchObject({ message: "No row of sums.jsonl can be used for training." });
    expect(startRun).not.toHaveBeenCalled();
  });
});

describe("an open plan", () => {
  it("is counted again when settings say something else of its rows", async () => {
    const { session } = openPlan();
    await session.show();
    const before = counts.length;
    const settingsChanged = () => fakes.configuration.at(-1)!({ affectsConfiguration: () => true });
    settingsChanged();
    expect(counts).toHaveLength(before);
    fakes.settings.dataSets = { "sums.jsonl": { format: "text" } };
    settingsChanged();
    expect(counts).toHaveLength(before + 1);
    fakes.settings.dataSets = undefined;
  });

  it("knows whether anything was filled in", async () => {
    const { session } = openPlan();
    await session.show();
    expect(session.filledIn).toBe(false);
    session.change({ ...form, rank: 33 });
    expect(session.filledIn).toBe(true);
    await session.replace({ ...form, rank: 8 });
    expect(session.filledIn).toBe(false);
    expect(session.form?.rank).toBe(8);
    session.dispose();
  });
});

describe("a base model that is not there", () => {
  const mine = { ...form, modelPath: "/disk/mine" };

  it("stays the plan's, with what is wrong, and nothing is counted with another one", async () => {
    const { session, plan, posted } = openPlan(mine);
    await session.show();
    expect(plan()).toMatchObject({ form: mine, formErrors: { modelPath: "/disk/mine cannot be read" } });
    expect(plan().models.map(({ path }) => path)).toEqual([BUNDLED, "/disk/mine"]);
    expect(counts).toHaveLength(0);
    expect(posted.at(-1)).toMatchObject({ type: "data", state: "error" });
    await session.start(mine);
    expect(startRun).not.toHaveBeenCalled();
  });

  it("is looked for again when the window is come back to", async () => {
    const { session, plan } = openPlan(mine);
    await session.show();
    present.add("/disk/mine");
    fakes.windowState.at(-1)!({ focused: true });
    await vi.waitFor(() => expect(counts).toHaveLength(1));
    expect(plan().formErrors).toEqual({});
  });

  it("leaves what is filled in meanwhile alone", async () => {
    const { session, plan } = openPlan(mine);
    const shown = session.show();
    session.change({ ...mine, rank: 33 });
    await shown;
    expect(plan().form.rank).toBe(33);
    session.dispose();
  });
});
