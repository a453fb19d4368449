/** A text editor as VS Code is with Python: what a key does to the text, auto-closed brackets and indentation included. */

const PAIRS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "'": "'", '"': '"' };
const CLOSERS = new Set(Object.values(PAIRS));

export interface EditorState {
  text: string;
  cursor: number;
  /** Offsets of closers that the editor has put behind the cursor. */
  closed: readonly number[];
}

export class EditorModel {
  #text: string;
  #cursor: number;
  #closed: number[] = [];

  constructor(
    text: string,
    cursor: number,
    private readonly indentUnit: string,
  ) {
    this.#text = text;
    this.#cursor = cursor;
  }

  get text(): string {
    return this.#text;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get prefix(): string {
    return this.#text.slice(0, this.#cursor);
  }

  get suffix(): string {
    return this.#text.slice(this.#cursor);
  }

  get state(): EditorState {
    return { text: this.#text, cursor: this.#cursor, closed: [...this.#closed] };
  }

  /** Undo: everything as it was. */
  restore({ text, cursor, closed }: EditorState): void {
    this.#text = text;
    this.#cursor = cursor;
    this.#closed = [...closed];
  }

  /** One key that writes a character. */
  type(character: string): void {
    if (character === "\n") {
      this.enter();
      return;
    }
    const next = this.#text[this.#cursor] ?? "";
    if (CLOSERS.has(character) && next === character && this.#closed.includes(this.#cursor)) {
      this.#closed = this.#closed.filter((at) => at !== this.#cursor);
      this.#cursor++;
      return;
    }
    const closer = this.closerFor(character, next);
    this.insert(character);
    if (closer !== "") this.closeWith(closer);
  }

  private closerFor(character: string, next: string): string {
    const closer = PAIRS[character] ?? "";
    if (closer === "" || !(next === "" || /[\s)\]}'":,]/.test(next))) return "";
    const previous = this.#text[this.#cursor - 1] ?? "";
    // A quote after a word is an apostrophe or a string's end, and the third in a row a docstring's beginning.
    const isQuote = character === closer;
    return isQuote && (/[\w'"\\]/.test(previous) || this.isInString()) ? "" : closer;
  }

  /** Roughly: an odd number of quotes stands before the cursor in its line. */
  private isInString(): boolean {
    const line = this.lineBefore();
    return line.includes("#") || (line.match(/["']/g)?.length ?? 0) % 2 === 1;
  }

  private closeWith(closer: string): void {
    this.splice(this.#cursor, 0, closer);
    this.#closed.push(this.#cursor);
  }

  /** The new line is indented as the one before it, and a level deeper behind a colon and between brackets. */
  private enter(): void {
    const before = this.lineBefore();
    const indentation = /^[ \t]*/.exec(before)![0];
    const opener = before.trimEnd().at(-1) ?? "";
    const between = "([{".includes(opener) && opener !== "" && this.#text[this.#cursor] === PAIRS[opener];
    const deeper = between || /[:([{]\s*$/.test(before) ? indentation + this.indentUnit : indentation;
    this.insert(`\n${deeper}`);
    if (between) this.splice(this.#cursor, 0, `\n${indentation}`);
  }

  backspace(): void {
    if (this.#cursor === 0) return;
    const [previous, next] = [this.#text[this.#cursor - 1]!, this.#text[this.#cursor] ?? ""];
    if (PAIRS[previous] === next && this.#closed.includes(this.#cursor)) this.deleteForward();
    const line = this.lineBefore();
    const isIndentation = line !== "" && /^ +$/.test(line) && this.indentUnit.startsWith(" ");
    const count = isIndentation ? ((line.length - 1) % this.indentUnit.length) + 1 : 1;
    this.#cursor -= count;
    this.splice(this.#cursor, count, "");
  }

  deleteForward(): void {
    if (this.#cursor < this.#text.length) this.splice(this.#cursor, 1, "");
  }

  right(): void {
    this.moveTo(this.#cursor + 1);
  }

  /** The editor no longer types over the brackets that it has closed elsewhere. */
  moveTo(cursor: number): void {
    this.#cursor = Math.max(0, Math.min(cursor, this.#text.length));
    this.#closed = [];
  }

  paste(text: string): void {
    this.insert(text);
  }

  /** What taking an inline completion does: the range from the cursor on is replaced. */
  accept(text: string, covered: number): void {
    this.splice(this.#cursor, covered, "");
    this.insert(text);
  }

  private lineBefore(): string {
    return this.#text.slice(this.#text.lastIndexOf("\n", this.#cursor - 1) + 1, this.#cursor);
  }

  private insert(text: string): void {
    this.splice(this.#cursor, 0, text);
    this.#cursor += text.length;
  }

  private splice(start: number, count: number, text: string): void {
    this.#text = this.#text.slice(0, start) + text + this.#text.slice(start + count);
    this.#closed = this.#closed
      .filter((at) => at < start || at >= start + count)
      .map((at) => (at >= start ? at + text.length - count : at));
  }
}
