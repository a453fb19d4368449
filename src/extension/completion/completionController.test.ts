/** The controller with a stand-in for the worker process and as much of VS Code as it uses. */
import { EventEmitter as Emitter } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { CodeQuestion } from "../../protocol/worker";
import { CompletionController, type CompletionState } from "./completionController";

const editor = vi.hoisted(() => ({
  settings: {} as Record<string, unknown>,
  language: "plaintext",
  answer: undefined as string | undefined,
  errors: [] as string[],
}));
const events = new Emitter();

vi.mock("vscode", () => ({
  EventEmitter: class {
    readonly #emitter = new Emitter();
    readonly event = (listener: (value: unknown) => void) => {
      this.#emitter.on("fired", listener);
      return { dispose: () => this.#emitter.off("fired", listener) };
    };
    fire(value: unknown): void {
      this.#emitter.emit("fired", value);
    }
    dispose(): void {
      this.#emitter.removeAllListeners();
    }
  },
  workspace: {
    isTrusted: true,
    getConfiguration: () => ({ get: (name: string, otherwise: unknown) => editor.settings[name] ?? otherwise }),
    onDidChangeConfiguration: (listener: () => void) => on("settings", listener),
    onDidCloseTextDocument: (listener: () => void) => on("closed", listener),
  },
  window: {
    get activeTextEditor() {
      return { document: { languageId: editor.language } };
    },
    onDidChangeActiveTextEditor: (listener: () => void) => on("editor", listener),
    showErrorMessage: async (message: string) => {
      editor.errors.push(message);
      const chosen = editor.answer;
      editor.answer = undefined;
      return chosen;
    },
  },
  l10n: { t: (text: string, ...values: unknown[]) => text.replace(/\{(\d)\}/g, (_, i) => String(values[Number(i)])) },
}));

function on(name: string, listener: () => void): { dispose(): void } {
  events.on(name, listener);
  return { dispose: () => events.off(name, listener) };
}

/** Answers with what it was loaded with and what it was told to forget. */
const SCRIPT = `
let loaded;
const forgotten = [];
process.on("message", (request) => {
  const { type, id } = request;
  if (type === "load") {
    loaded = request;
    process.send({ type: "loaded", id, model: "m", memoryBytes: 80e6, milliseconds: 1, provider: "cpu", notTaken: [] });
  } else if (type === "forget") {
    forgotten.push(request.document);
    process.send({ type: "forgotten", id });
  } else if (type === "complete")
    process.send({ type: "completion", id, text: JSON.stringify({ pid: process.pid, loaded, forgotten }), mode: "fim",
      promptTokens: 1, reusedTokens: 0, generatedTokens: 1, firstTokenMs: 1, totalMs: 7, stop: "line",
      memoryBytes: 80e6, provider: "cpu" });
});
process.on("disconnect", () => process.exit(0));
`;

let folder: string;
let controller: CompletionController;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tunesmith-controller-"));
  mkdirSync(join(folder, "dist"));
  writeFileSync(join(folder, "dist", "completion-worker.js"), SCRIPT);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  Object.assign(editor, { settings: {}, language: "plaintext", answer: undefined, errors: [] });
  const kept: Record<string, unknown> = { "tunesmith.completionModel": { directory: "/runs/one", name: "One" } };
  const extension = {
    extensionPath: folder,
    workspaceState: {
      get: (key: string) => kept[key],
      update: async (key: string, value: unknown) => {
        kept[key] = value;
      },
    },
  };
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  controller = new CompletionController(extension as never, log as never);
});
afterEach(() => controller.dispose());

function until(kind: CompletionState["kind"]): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (controller.state.kind !== kind) return;
      subscription.dispose();
      resolve();
    };
    const subscription = controller.onDidChange(look);
    look();
  });
}

interface Told {
  pid: number;
  loaded: Record<string, unknown>;
  forgotten: string[];
}

async function ask(): Promise<Told | null> {
  const where = { document: "file:///a.py", prefix: "x", suffix: "", multiline: false, maxTokens: 8 };
  const question: CodeQuestion = { ...where, context: [], contextTokens: 0, instruction: null, ahead: false };
  const completion = await controller.complete(question, new AbortController().signal);
  return completion === null ? null : JSON.parse(completion.text);
}

function set(name: string, value: unknown): void {
  editor.settings[`completion.${name}`] = value;
  events.emit("settings", { affectsConfiguration: (setting: string) => setting === `tunesmith.completion.${name}` });
}

describe("CompletionController", () => {
  it("takes up the last choice and loads it with the first Python file", async () => {
    expect(controller.state).toEqual({ kind: "off" });
    expect(await ask()).toBeNull();
    controller.restore();
    expect(controller.state).toMatchObject({ kind: "waiting", choice: { name: "One" } });
    editor.language = "python";
    events.emit("editor");
    await until("ready");
    const told = await ask();
    expect(told?.loaded).toMatchObject({ exportDir: join("/runs/one", "export"), provider: "auto", memoryLimit: 0 });
    expect(controller.state).toMatchObject({ kind: "ready", lastMs: 7, mode: "fim", provider: "cpu" });
    await controller.stop();
    expect(controller.state).toEqual({ kind: "off" });
  });

  it("leaves the machine to a run, and comes back", async () => {
    editor.settings["completion.duringTraining"] = "off";
    controller.restore();
    await ask();
    controller.setTraining(true);
    expect(controller.state.kind).toBe("resting");
    expect(controller.gaveWay).toBe("off");
    expect(await ask()).toBeNull();
    controller.setTraining(false);
    await until("ready");
    expect(controller.gaveWay).toBeNull();
    expect(await ask()).not.toBeNull();
  });

  it("loads again with a changed setting", async () => {
    controller.restore();
    const first = await ask();
    set("provider", "cuda");
    const second = await ask();
    expect(second?.pid).not.toBe(first?.pid);
    expect(second?.loaded.provider).toBe("cuda");
    // What does not concern the model leaves it where it is.
    set("delay", 200);
    expect((await ask())?.pid).toBe(second?.pid);
  });

  it("has closed documents forgotten by all workers", async () => {
    controller.restore();
    const other = controller.createWorker("Two", "/exports/two");
    await ask();
    events.emit("closed", { uri: { toString: () => "file:///closed.py" } });
    expect((await ask())?.forgotten).toEqual(["file:///closed.py"]);
    // One that has no process has nothing to forget.
    expect(other.state.kind).toBe("unloaded");
  });

  it("lets a route say which worker answers", async () => {
    controller.restore();
    const other = controller.createWorker("Two", "/exports/two");
    const made: unknown[] = [];
    controller.setRoute({ next: () => other, made: (by) => made.push(by) });
    expect((await ask())?.loaded.exportDir).toBe("/exports/two");
    expect(made).toEqual([other]);
    controller.setRoute(null);
    expect((await ask())?.loaded.exportDir).toBe(join("/runs/one", "export"));
    controller.removeWorker(other);
    expect(other.state.kind).not.toBe("failed");
  });

  it("says that a model does not fit, and tries again when the limit is raised", async () => {
    editor.settings["completion.memoryLimit"] = 60;
    controller.restore();
    expect(await ask()).toBeNull();
    const message = expect.stringContaining("One takes 80 MB, but tunesmith.completion.memoryLimit is 60 MB");
    expect(controller.state).toMatchObject({ kind: "failed", message });
    expect(editor.errors).toEqual([message]);
    set("memoryLimit", 200);
    await until("ready");
    expect(await ask()).not.toBeNull();
  });

  it("tries again, or lets go of the model, as the person chooses", async () => {
    editor.settings["completion.memoryLimit"] = 60;
    editor.answer = "Stop Using Model";
    controller.restore();
    await ask();
    await until("off");
    expect(editor.errors).toHaveLength(1);
  });
});
