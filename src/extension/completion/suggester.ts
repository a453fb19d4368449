import { randomUUID } from "node:crypto";
import type { CodeQuestion, ContextSnippet } from "../../protocol/worker";
import type { IndentationStyle } from "./filters/indentationStyle";
import { refine } from "./filters/refine";
import { afterKey, afterOutcome, delayFor, type Habits, NO_HABITS } from "./pace";
import { type PythonScan, scanPython } from "./pythonScan";
import { type Recalled, SuggestionMemory } from "./suggestionMemory";
import { type Surroundings, type Wanted, whatIsWanted } from "./whatIsWanted";

/** A cursor that may be offered something. Line ends are \n. */
export interface Cursor extends Surroundings {
  /** The document, or all of a notebook, by its URI. */
  document: string;
  /** `prefix` begins where the file does. */
  isWhole: boolean;
  /** Asked for by hand. */
  invoked: boolean;
  /** Whether brackets behind the cursor may be replaced. */
  canReplace: boolean;
  /** The editor's setting. */
  indentation: IndentationStyle;
}

/** What is known beside the text. */
export interface Gathered {
  snippets: readonly ContextSnippet[];
  instruction: string | null;
}

export interface Limits {
  /** Milliseconds, around which the wait adapts. */
  delay: number;
  maxTokens: number;
  contextTokens: number;
}

export interface Answer {
  text: string;
  firstTokenMs: number;
  /** Folder of the export that gave it. */
  exportDir: string;
}

export interface Suggestion {
  /** The same for as long as what is offered is the rest of one answer. */
  id: string;
  model: string;
  text: string;
  /** Characters behind the cursor that the text replaces. */
  covered: number;
  source: "computed" | "ahead" | "remembered";
  /** From the request to the answer; null: nothing was computed for this cursor. */
  latencyMs: number | null;
  firstTokenMs: number | null;
}

/** What suggesting needs of the world. */
export interface SuggesterOptions {
  /** Null: cancelled, or no model is ready. Ends soon after `signal` aborts. */
  complete(question: CodeQuestion, signal: AbortSignal): Promise<Answer | null>;
  /** Resolves after the time, or at once when the signal aborts. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Milliseconds that never go back. */
  now(): number;
}

interface Ahead {
  document: string;
  prefix: string;
  abort: AbortController;
  /** Settles when its answer, if any, is remembered; never rejects. */
  done: Promise<void>;
}

/** More than that nobody types while one request runs. */
const MOST_TYPED_AHEAD = 400;

/**
 * Decides what is offered at a cursor: a remembered suggestion that still fits, else the model's answer after a wait, with
 * the manners of ./filters. After an accepted suggestion the next one is computed ahead.
 */
export class Suggester {
  readonly #memory = new SuggestionMemory();
  #habits: Habits = NO_HABITS;
  #lastKey = Number.NEGATIVE_INFINITY;
  /** Offered last, and neither taken nor typed over yet. */
  #open: { id: string; document: string } | null = null;
  #ahead: Ahead | null = null;
  /** As in the last request of the document, so that a request ahead begins with the same tokens. */
  #lastContext: {
    document: string;
    snippets: readonly ContextSnippet[];
    contextTokens: number;
    maxTokens: number;
  } | null = null;

  constructor(private readonly options: SuggesterOptions) {}

  /** Null: nothing is offered. Whatever `signal` aborts leaves no request behind. */
  async suggest(cursor: Cursor, gathered: Gathered, limits: Limits, signal: AbortSignal): Promise<Suggestion | null> {
    const now = this.options.now();
    this.#habits = afterKey(this.#habits, now - this.#lastKey);
    this.#lastKey = now;
    const known = this.#recall(cursor);
    if (known !== null) return known;
    this.#noteDismissal(cursor.document);
    const ahead = this.#aheadOf(cursor);
    const scan = scanPython(cursor.prefix, cursor.isWhole);
    const asked = { invoked: cursor.invoked, instruction: gathered.instruction !== null };
    const wanted = whatIsWanted(cursor, scan, asked);
    if (wanted.kind === "nothing" && ahead === null) return null;
    if (!cursor.invoked) await this.#pause(delayFor(limits.delay, this.#habits), ahead, signal);
    if (signal.aborted) return null;
    const computed = ahead === null ? null : this.#recall(cursor);
    if (computed !== null) return computed;
    this.#giveUpAhead();
    return wanted.kind === "nothing" ? null : this.#compute(cursor, scan, wanted, gathered, limits, signal);
  }

  /** The user has taken a suggestion whole; the cursor is behind it now. What may be wanted next is computed ahead. */
  accepted(id: string, cursor: Cursor): void {
    if (this.#open?.id !== id) return;
    this.#open = null;
    this.#habits = afterOutcome(this.#habits, "accepted");
    this.#giveUpAhead();
    const last = this.#lastContext;
    if (last?.document !== cursor.document || this.#memory.recall(cursor.document, cursor) !== null) return;
    const scan = scanPython(cursor.prefix, cursor.isWhole);
    if (scan.where !== "code" || /\w/.test(cursor.suffix.split("\n", 1)[0]!)) return;
    const abort = new AbortController();
    const done = this.#ask(
      cursor,
      scan,
      { kind: "block", lead: "" },
      { snippets: last.snippets, instruction: null },
      {
        ...last,
        ahead: true,
        signal: abort.signal,
      },
    ).then(
      () => {},
      () => {},
    );
    const ahead: Ahead = { document: cursor.document, prefix: cursor.prefix, abort, done };
    this.#ahead = ahead;
    void done.then(() => {
      if (this.#ahead === ahead) this.#ahead = null;
    });
  }

  /** The document is closed. */
  forget(document: string): void {
    this.#memory.forget(document);
    if (this.#ahead?.document === document) this.#giveUpAhead();
    if (this.#open?.document === document) this.#open = null;
  }

  /** Another model completes, or none does. */
  clear(): void {
    this.#memory.clear();
    this.#giveUpAhead();
    this.#open = null;
  }

  #recall(cursor: Cursor): Suggestion | null {
    const found = this.#memory.recall(cursor.document, cursor);
    if (found === null || (found.covered > 0 && !cursor.canReplace)) return null;
    const { entry, text, covered } = found;
    // A line of its own is offered where the user has begun one.
    if (entry.ahead && startsLine(found)) return null;
    this.#open = { id: entry.id, document: cursor.document };
    const source = entry.ahead ? "ahead" : "remembered";
    return { id: entry.id, model: entry.model, text, covered, source, latencyMs: null, firstTokenMs: null };
  }

  async #compute(
    cursor: Cursor,
    scan: PythonScan,
    wanted: Exclude<Wanted, { kind: "nothing" }>,
    gathered: Gathered,
    limits: Limits,
    signal: AbortSignal,
  ): Promise<Suggestion | null> {
    const { contextTokens, maxTokens } = limits;
    this.#lastContext = { document: cursor.document, snippets: gathered.snippets, contextTokens, maxTokens };
    const suggestion = await this.#ask(cursor, scan, wanted, gathered, { ...limits, ahead: false, signal });
    if (suggestion === null || signal.aborted) return null;
    this.#open = { id: suggestion.id, document: cursor.document };
    return suggestion;
  }

  /** Asks the model, and remembers what can be offered of its answer. */
  async #ask(
    cursor: Cursor,
    scan: PythonScan,
    wanted: Exclude<Wanted, { kind: "nothing" }>,
    { snippets, instruction }: Gathered,
    { maxTokens, contextTokens, ahead, signal }: Omit<Limits, "delay"> & { ahead: boolean; signal: AbortSignal },
  ): Promise<Suggestion | null> {
    const { document, prefix, suffix } = cursor;
    const start = this.options.now();
    const answer = await this.options.complete(
      {
        document,
        prefix: prefix + wanted.lead,
        suffix,
        multiline: wanted.kind === "block",
        maxTokens,
        context: snippets,
        contextTokens,
        instruction: wanted.kind === "block" ? instruction : null,
        ahead,
      },
      signal,
    );
    if (answer === null) return null;
    const latencyMs = this.options.now() - start;
    const led = wanted.lead === "" ? scan : scanPython(prefix + wanted.lead, cursor.isWhole);
    const options = { ...cursor, multiline: wanted.kind === "block" };
    const refined = refine(answer.text, { prefix: prefix + wanted.lead, suffix }, led, options);
    if (refined === null) return null;
    const text = wanted.lead + refined.text;
    const { covered } = refined;
    const id = randomUUID();
    const model = answer.exportDir;
    this.#memory.remember(document, { id, model, ahead, prefix, text, tail: suffix.slice(covered) });
    return { id, model, text, covered, source: "computed", latencyMs, firstTokenMs: answer.firstTokenMs };
  }

  /** The request ahead whose answer may fit at the cursor; another one is given up. */
  #aheadOf({ document, prefix }: Cursor): Ahead | null {
    const ahead = this.#ahead;
    if (ahead === null) return null;
    const from = ahead.prefix.slice(-MOST_TYPED_AHEAD);
    const typed = ahead.document === document ? prefix.lastIndexOf(from) : -1;
    if (typed !== -1 && prefix.length - typed - from.length <= MOST_TYPED_AHEAD) return ahead;
    this.#giveUpAhead();
    return null;
  }

  #giveUpAhead(): void {
    this.#ahead?.abort.abort();
    this.#ahead = null;
  }

  /** Until the time is over, the answer computed ahead is there, or the signal aborts. */
  async #pause(milliseconds: number, ahead: Ahead | null, signal: AbortSignal): Promise<void> {
    if (milliseconds === 0) return;
    const early = new AbortController();
    const end = () => early.abort();
    signal.addEventListener("abort", end, { once: true });
    void ahead?.done.then(end);
    if (signal.aborted) end();
    await this.options.wait(milliseconds, early.signal);
    signal.removeEventListener("abort", end);
  }

  #noteDismissal(document: string): void {
    if (this.#open === null) return;
    if (this.#open.document === document) this.#habits = afterOutcome(this.#habits, "dismissed");
    this.#open = null;
  }
}

function startsLine({ entry, text }: Recalled): boolean {
  return text.length === entry.text.length && text.startsWith("\n");
}
