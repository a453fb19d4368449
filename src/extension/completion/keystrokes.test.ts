/** Thousands of keys against the provider's deciding part: whatever is taken must fit, and nothing may be left running. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CodeQuestion } from "../../protocol/worker";
import { scanPython } from "./pythonScan";
import { Suggester, type Suggestion } from "./suggester";
import { EditorModel } from "./testing/editorModel";
import { Random } from "./testing/random";
import { Retyping } from "./testing/retyping";
import { settle, VirtualTime } from "./testing/virtualTime";

const fixtures = join(__dirname, "../../../test/fixtures/keystrokes");
const limits = { delay: 100, maxTokens: 64, contextTokens: 0 };
const nothingGathered = { snippets: [], instruction: null };

type Model = (question: CodeQuestion, target: string, random: Random) => string;

/** Says what stands there in the end: the rest of the line, or some lines. */
const truthful: Model = ({ prefix, multiline }, target, random) => {
  if (!target.startsWith(prefix)) return "pass";
  const rest = target.slice(prefix.length);
  const lines = rest.split("\n");
  if (!multiline) return lines[0]!;
  return lines.slice(0, 1 + random.below(6)).join("\n");
};

const PIECES = [
  "self.",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  "x",
  " ",
  ", ",
  ":",
  "\n",
  "\n    ",
  "\n\t",
  "\r\n",
  "value ",
  "#",
  "=",
  "\u0000",
];
const QUOTES = ["'", '"', '"""', "f'{", "\\"];

const babbling: Model = ({ suffix }, _target, random) => {
  if (random.below(8) === 0) return suffix.slice(0, random.below(60));
  const length = random.below(24);
  const words = random.below(2) === 0 ? PIECES : [...PIECES, ...QUOTES];
  return Array.from({ length }, () => random.pick(words)).join("");
};

interface Running {
  signal: AbortSignal;
  ahead: boolean;
}

/** One file written anew, with every suggestion looked at and some of them taken. */
class Session {
  readonly time = new VirtualTime();
  readonly running = new Set<Running>();
  readonly random: Random;
  readonly editor: EditorModel;
  readonly person: Retyping;
  readonly suggester: Suggester;
  /** What the document would be once a suggestion is taken, from when it was first offered. */
  readonly promised = new Map<string, string>();
  asked = 0;
  askedAhead = 0;
  offered = 0;
  accepted = 0;
  fromMemory = 0;
  strokes = 0;

  constructor(
    source: string,
    seed: number,
    private readonly model: Model,
  ) {
    this.random = new Random(seed);
    const from = source.indexOf("\n\n\n") + 3;
    const to = source.lastIndexOf("\n\n\n") + 1;
    this.editor = new EditorModel(
      source.slice(0, from) + source.slice(to),
      from,
      source.includes("\n\t") ? "\t" : "    ",
    );
    this.person = new Retyping(this.editor, source, source.slice(to), this.random);
    this.suggester = new Suggester({
      now: () => this.time.now,
      wait: (milliseconds, signal) => this.time.wait(milliseconds, signal),
      complete: (question, signal) => this.complete(question, signal),
    });
  }

  private async complete(question: CodeQuestion, signal: AbortSignal) {
    if (question.ahead) this.askedAhead++;
    else this.asked++;
    const request = { signal, ahead: question.ahead };
    this.running.add(request);
    const text = this.model(question, this.person.target, this.random);
    await this.time.wait(this.random.below(300), signal);
    this.running.delete(request);
    return signal.aborted ? null : { text, firstTokenMs: 1, exportDir: "export" };
  }

  private cursor() {
    return {
      document: "file.py",
      prefix: this.editor.prefix,
      suffix: this.editor.suffix,
      isWhole: true,
      invoked: false,
      canReplace: true,
      indentation: { tabs: false, unit: 4 },
    };
  }

  async run(): Promise<void> {
    for (; this.strokes < 20_000; this.strokes++) {
      const before = { ...this.editor.state, shown: this.shown };
      const stroke = this.person.stroke();
      if (stroke === "done") return;
      await this.show(stroke === "key" ? before : null);
    }
    const { text, cursor } = this.editor;
    throw new Error(
      `Not done after ${this.strokes} strokes, at ${JSON.stringify(text.slice(cursor - 40, cursor))} before ${JSON.stringify(text.slice(cursor, cursor + 40))}.`,
    );
  }

  private shown: Suggestion | null = null;

  /** What VS Code does after a key: asks, and gives the request up with the next key. */
  private async show(before: { text: string; cursor: number; shown: Suggestion | null } | null): Promise<void> {
    const abort = new AbortController();
    const askedBefore = this.asked;
    const request = this.suggester.suggest(this.cursor(), nothingGathered, limits, abort.signal);
    const until = this.random.below(5) === 0 ? 2000 : 30 + this.random.below(200);
    await this.time.pass(until);
    abort.abort();
    await settle();
    expect([...this.running].filter(({ ahead, signal }) => !ahead || signal.aborted)).toEqual([]);
    expect(this.running.size).toBeLessThanOrEqual(1);
    const suggestion = await request;
    this.shown = suggestion;
    if (before?.shown && this.typedAlong(before as { text: string; cursor: number; shown: Suggestion })) {
      // Nothing reaches the worker, and what is left is offered again.
      expect([this.asked, suggestion?.id]).toEqual([askedBefore, before.shown.id]);
    }
    if (suggestion === null) return;
    this.offered++;
    if (suggestion.source !== "computed") this.fromMemory++;
    this.look(suggestion);
    await this.perhapsTake(suggestion);
  }

  /** The key was the next one of what was shown, and more of it is left. */
  private typedAlong({ text, cursor, shown }: { text: string; cursor: number; shown: Suggestion }): boolean {
    const { prefix, suffix } = this.editor;
    const typed = prefix.slice(cursor);
    const rest = shown.text.slice(typed.length);
    const endsLine = /^[)\]}'"]*(?:\n|$)/.test(text.slice(cursor));
    const isPlain = prefix.startsWith(text.slice(0, cursor)) && typed !== "" && !/["']/.test(shown.text);
    const covered = suffix.length - text.length + cursor + shown.covered;
    return (
      isPlain &&
      endsLine &&
      rest.trim() !== "" &&
      shown.text.startsWith(typed) &&
      covered >= 0 &&
      this.closes(rest, covered)
    );
  }

  /** What the editor has put behind the cursor is what the rest closes by itself. */
  private closes(rest: string, count: number): boolean {
    return scanPython(rest).unopened.length >= count && suffixStart(this.editor.suffix, count);
  }

  /** The document after accept = prefix + suggestion + suffix, always. */
  private look({ id, text, covered }: Suggestion): void {
    const { prefix, suffix } = this.editor;
    expect(suffix.slice(0, covered)).toMatch(/^[)\]}'"]*$/);
    const after = prefix + text + suffix.slice(covered);
    const promised = this.promised.get(id) ?? after;
    expect(after).toBe(promised);
    this.promised.set(id, promised);
    if (/["'#]/.test(text)) return;
    // No bracket is closed twice.
    const unopened = (code: string) => scanPython(code).unopened.length;
    expect(unopened(after)).toBeLessThanOrEqual(unopened(prefix + suffix));
  }

  private async perhapsTake(suggestion: Suggestion): Promise<void> {
    const state = this.editor.state;
    const { text, covered, id } = suggestion;
    const after = this.editor.prefix.length + text.length + this.editor.suffix.length - covered;
    const { target } = this.person;
    const isRight = target.startsWith(this.editor.prefix + text) && after <= target.length;
    if (this.random.below(10) >= (isRight ? 5 : 1)) return;
    this.editor.accept(text, covered);
    expect(this.editor.text).toBe(this.promised.get(id));
    this.accepted++;
    this.suggester.accepted(id, this.cursor());
    await this.time.pass(this.random.below(400));
    this.shown = null;
    if (!isRight) this.editor.restore(state);
  }
}

const suffixStart = (suffix: string, count: number) => /^[)\]}]*$/.test(suffix.slice(0, count));

describe.each(["warehouse.py", "settings.py"])("%s, written anew", (name) => {
  const source = readFileSync(join(fixtures, name), "utf8");

  it("becomes the same file with a model that knows it, in fewer keys", async () => {
    const session = new Session(source, 1, truthful);
    await session.run();
    expect(session.editor.text).toBe(session.person.target);
    expect(session.accepted).toBeGreaterThan(10);
    expect(session.fromMemory).toBeGreaterThan(20);
    expect(session.askedAhead).toBeGreaterThan(5);
    await session.time.pass(10_000);
    expect(session.running.size).toBe(0);
  });

  it.each([2, 3, 18])("becomes the same file whatever the model babbles: %i", async (seed) => {
    const session = new Session(source, seed, babbling);
    await session.run();
    expect(session.editor.text).toBe(session.person.target);
    expect(session.strokes).toBeGreaterThan(1500);
    expect(session.offered).toBeGreaterThan(50);
    await session.time.pass(10_000);
    expect(session.running.size).toBe(0);
  });
});
