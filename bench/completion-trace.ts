/**
 * Thousands of keystrokes in real Python files against the provider's deciding part and the worker process with
 * models/tiny-python: what is served from the KV cache, what is left running, how memory grows, whether each suggestion
 * fits the document.
 *
 *   node scripts/bench.mjs completion-trace [--model EXPORT] [--strokes N] [--files FOLDER] [--threads N] [--seed N] [--worker FILE]
 *
 * FOLDER: of Python's standard library where there is one, else the test's own files. Part of each file is written anew:
 * typed, with slips, moves, pastes, the editor's brackets and indentation, and suggestions that are taken where they are
 * right, or taken and undone. Time between keys is simulated, requests are real.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Suggester, type Suggestion } from "../src/extension/completion/suggester";
import { EditorModel } from "../src/extension/completion/testing/editorModel";
import { Random } from "../src/extension/completion/testing/random";
import { Retyping } from "../src/extension/completion/testing/retyping";
import { settle, VirtualTime } from "../src/extension/completion/testing/virtualTime";
import { type Completion, WorkerClient } from "../src/extension/completion/workerClient";
import { exportBase } from "../src/model/export";
import type { CodeQuestion } from "../src/protocol/worker";

const FIXTURES = resolve("test/fixtures/keystrokes");
const CACHE_BYTES = 256 << 20;
const DELAY_MS = 120;
/** Characters of a file that are written anew. */
const REWRITTEN = 600;

/** What a run of keys came to. */
class Account {
  strokes = 0;
  readonly completions: Completion[] = [];
  cancelled = 0;
  ahead = 0;
  offered = 0;
  fromMemory = 0;
  taken = 0;
  readonly wrong: string[] = [];
  readonly cancelMs: number[] = [];

  report(): void {
    const sum = (pick: (completion: Completion) => number) =>
      this.completions.reduce((total, completion) => total + pick(completion), 0);
    const [prompt, reused] = [sum(({ promptTokens }) => promptTokens), sum(({ reusedTokens }) => reusedTokens)];
    const memory = this.completions.map(({ memoryBytes }) => memoryBytes / 2 ** 20);
    const tenth = Math.ceil(memory.length / 10);
    const first = this.completions.map(({ firstTokenMs }) => firstTokenMs);
    console.log(
      `${this.strokes} keys; ${this.completions.length} answers (${this.ahead} asked ahead), ${this.cancelled} cancelled`,
    );
    console.log(`${this.offered} suggestions offered, ${this.fromMemory} of them from memory, ${this.taken} taken`);
    console.log(`wrong splices: ${this.wrong.length}`);
    for (const wrong of this.wrong.slice(0, 5)) console.log(`  ${wrong}`);
    console.log(`prompt tokens from the KV cache: ${((100 * reused) / prompt).toFixed(1)} % of ${prompt}`);
    console.log(`a cancelled request ends after ${quantiles(this.cancelMs)} ms`);
    console.log(
      `first token ${quantiles(first)} ms, prompt ${quantiles(this.completions.map(({ promptTokens }) => promptTokens))} tokens`,
    );
    console.log(
      `worker's memory, MiB: first tenth ${median(memory.slice(0, tenth)).toFixed(0)}, last tenth ${median(memory.slice(-tenth)).toFixed(0)}, most ${Math.max(...memory).toFixed(0)}`,
    );
  }
}

class Trace {
  private readonly time = new VirtualTime();
  private readonly suggester: Suggester;
  private readonly promised = new Map<string, string>();
  running = 0;

  constructor(
    private readonly document: string,
    private readonly editor: EditorModel,
    private readonly person: Retyping,
    private readonly worker: WorkerClient,
    private readonly random: Random,
    private readonly account: Account,
  ) {
    this.suggester = new Suggester({
      now: () => this.time.now,
      wait: (milliseconds, signal) => this.time.wait(milliseconds, signal),
      complete: (question, signal) => this.complete(question, signal),
    });
  }

  private async complete(question: CodeQuestion, signal: AbortSignal) {
    let abortedAt = 0;
    signal.addEventListener("abort", () => {
      abortedAt = performance.now();
    });
    this.running++;
    const completion = await this.worker.complete(question, signal);
    this.running--;
    if (abortedAt > 0) this.account.cancelMs.push(performance.now() - abortedAt);
    if (completion === null) {
      this.account.cancelled++;
      return null;
    }
    this.account.completions.push(completion);
    if (question.ahead) this.account.ahead++;
    return { ...completion, exportDir: "export" };
  }

  private cursor() {
    const { prefix, suffix } = this.editor;
    return {
      document: this.document,
      prefix: prefix.slice(-24_000),
      suffix: suffix.slice(0, 8000),
      isWhole: prefix.length <= 24_000,
      invoked: false,
      canReplace: true,
      indentation: { tabs: false, unit: 4 },
    };
  }

  /** Until the file is what it was, or no strokes are left. */
  async run(strokes: number): Promise<void> {
    for (let stroke = 0; stroke < strokes; stroke++) {
      if (this.person.stroke() === "done") break;
      this.account.strokes++;
      await this.look();
    }
    this.suggester.clear();
    for (let turn = 0; turn < 100 && this.running > 0; turn++) await sleep(10);
  }

  /** What VS Code does after a key; a pause for thought in some of them. */
  private async look(): Promise<void> {
    const abort = new AbortController();
    const limits = { delay: DELAY_MS, maxTokens: 64, contextTokens: 0 };
    const request = this.suggester.suggest(this.cursor(), { snippets: [], instruction: null }, limits, abort.signal);
    const thinks = this.random.below(4) === 0;
    await this.time.pass(thinks ? 1000 : 40 + this.random.below(220));
    if (!thinks) {
      // The next key comes while the worker computes, or has not been asked yet.
      await sleep(this.random.below(15));
      abort.abort();
    }
    const suggestion = await request;
    await settle();
    if (suggestion === null) return;
    this.account.offered++;
    if (suggestion.source !== "computed") this.account.fromMemory++;
    this.judge(suggestion);
    await this.perhapsTake(suggestion);
  }

  private after({ text, covered }: Suggestion): string {
    return this.editor.prefix + text + this.editor.suffix.slice(covered);
  }

  private judge(suggestion: Suggestion): void {
    const after = this.after(suggestion);
    const promised = this.promised.get(suggestion.id) ?? after;
    this.promised.set(suggestion.id, promised);
    const replaced = this.editor.suffix.slice(0, suggestion.covered);
    if (after === promised && /^[)\]}'"]*$/.test(replaced)) return;
    this.account.wrong.push(JSON.stringify([this.editor.prefix.slice(-40), suggestion.text, replaced]));
  }

  private async perhapsTake(suggestion: Suggestion): Promise<void> {
    const { state, prefix } = this.editor;
    const after = this.after(suggestion);
    const isRight =
      this.person.target.startsWith(prefix + suggestion.text) && after.length <= this.person.target.length;
    if (this.random.below(10) >= (isRight ? 8 : 1)) return;
    this.editor.accept(suggestion.text, suggestion.covered);
    if (this.editor.text !== after) this.account.wrong.push(JSON.stringify(suggestion.text));
    this.account.taken++;
    this.suggester.accepted(suggestion.id, this.cursor());
    // Whoever has taken something reads it first.
    await sleep(100 + this.random.below(500));
    if (!isRight) this.editor.restore(state);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      strokes: { type: "string" },
      files: { type: "string" },
      threads: { type: "string" },
      seed: { type: "string" },
      worker: { type: "string" },
    },
  });
  const strokes = Number(values.strokes ?? 2500);
  const threads = Number(values.threads ?? 0);
  const random = new Random(Number(values.seed ?? 1));
  const temporary = mkdtempSync(join(tmpdir(), "tunesmith-bench-"));
  try {
    const exportDir = values.model ? resolve(values.model) : join(temporary, "export");
    if (!existsSync(exportDir)) await exportBase(resolve("models/tiny-python"), exportDir, { engine: null });
    const worker = new WorkerClient(
      resolve(values.worker ?? "dist/completion-worker.js"),
      (expected, how) => {
        if (!expected) throw new Error(`The worker ended: ${how}`);
      },
      (text) => console.error(text),
    );
    await worker.load({ exportDir, threads, provider: "cpu", cacheBytes: CACHE_BYTES, memoryLimit: 0 });
    const account = new Account();
    const paths = pythonFiles(values.files ? resolve(values.files) : standardLibrary());
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores; ${paths.length} files of ${join(paths[0]!, "..")}`);
    let left = 0;
    let unfinished = 0;
    for (let at = 0; account.strokes < strokes; at++) {
      const path = paths[(at * 7) % paths.length]!;
      const source = readFileSync(path, "utf8").replace(/\r\n/g, "\n");
      const middle = random.below(Math.max(1, source.length - REWRITTEN));
      // From a line of code, where there is one: docstrings are written without a request.
      const code = source.slice(middle).search(/^[ \t]+(?:if|for|return|with|self\.|\w+ =)/m);
      const from = code === -1 ? source.lastIndexOf("\n", middle) + 1 : middle + code;
      const lineEnd = source.indexOf("\n", from + REWRITTEN);
      const to = lineEnd === -1 ? source.length : lineEnd;
      const editor = new EditorModel(
        source.slice(0, from) + source.slice(to),
        from,
        source.includes("\n\t") ? "\t" : "    ",
      );
      const person = new Retyping(editor, source, source.slice(to), random);
      const trace = new Trace(`file://${path}#${at}`, editor, person, worker, random, account);
      await trace.run(Math.min(4 * REWRITTEN, strokes - account.strokes));
      left += trace.running;
      // Closed, as the extension says it.
      await worker.forget(`file://${path}#${at}`);
      if (account.strokes < strokes && editor.text !== person.target) unfinished++;
    }
    account.report();
    console.log(`requests left running: ${left}; files that were not what they should be: ${unfinished}`);
    worker.dispose();
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Python's own, where it is installed. */
function standardLibrary(): string {
  const folders = existsSync("/usr/lib") ? readdirSync("/usr/lib").filter((name) => /^python3\.\d+$/.test(name)) : [];
  const found = folders.map((name) => join("/usr/lib", name)).find((folder) => pythonFiles(folder).length > 20);
  return found ?? FIXTURES;
}

function pythonFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".py"))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).size >= 2 * REWRITTEN && statSync(path).size < 60_000)
    .sort();
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function quantiles(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0);
  return `${at(0.5)} (95th percentile ${at(0.95)}, most ${at(1)})`;
}

main();
