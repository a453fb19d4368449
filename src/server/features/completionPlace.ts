/** What could be typed at a place in a row that is being written: read without the rest of the row being valid. Pure. */

/** An object or array that is open at the cursor. */
interface OpenContainer {
  kind: "object" | "array";
  /** Of an object: every key that it has, behind the cursor too. */
  keys: string[];
  /** Of an object: the key whose value comes. Of an array: how many commas came. */
  step: string | number | null;
}

export interface CompletionPlace {
  /** From the row's root to the container, or to the value that is being typed. */
  path: (string | number)[];
  /**
   * `key`: in an object, a key may come. `value`: a value may come. `after`: after a member or an item, where a comma
   * must come first.
   */
  expects: "key" | "value" | "after";
  /** Keys that the innermost object has. */
  keys: readonly string[];
  /** What a completion replaces: an unfinished or a whole string, or nothing. */
  start: number;
  end: number;
  /** A colon follows: a key that is completed needs none. */
  colonFollows: boolean;
}

/** More nesting belongs to no data set's row. */
const DEEPEST = 64;

/** Null: nothing can be completed there. `offset`: the cursor, in `text`. */
export function completionPlace(text: string, offset: number): CompletionPlace | null {
  const scan = new Scan(text, offset);
  return scan.run();
}

class Scan {
  private readonly open: OpenContainer[] = [];
  private expects: CompletionPlace["expects"] = "value";
  private place: (Omit<CompletionPlace, "keys"> & { of: OpenContainer }) | null = null;
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly offset: number,
  ) {}

  run(): CompletionPlace | null {
    const { text } = this;
    while (this.at < text.length && this.open.length <= DEEPEST) {
      if (this.at >= this.offset) this.take(this.offset, this.offset);
      // Only the keys behind the cursor are still looked for.
      if (this.place && !this.open.includes(this.place.of)) break;
      this.step(text[this.at]!);
    }
    if (this.at >= text.length) this.take(this.offset, this.offset);
    if (!this.place) return null;
    const { of, ...place } = this.place;
    return { ...place, keys: of.keys };
  }

  private step(character: string): void {
    const top = this.open.at(-1);
    if (character === '"') this.string(top);
    else if (character === "{" || character === "[") this.openContainer(character);
    else if (character === "}" || character === "]") this.close();
    else if (character === ",") this.comma(top);
    else if (character === ":") this.expects = "value";
    // Whatever else stands where a value is expected is one: a number, a word.
    else if (character > " " && this.expects === "value") this.expects = "after";
    if (character !== '"') this.at++;
  }

  private openContainer(character: string): void {
    const array = character === "[";
    this.open.push({ kind: array ? "array" : "object", keys: [], step: array ? 0 : null });
    this.expects = array ? "value" : "key";
  }

  private close(): void {
    this.open.pop();
    this.expects = "after";
  }

  private comma(top: OpenContainer | undefined): void {
    if (top?.kind === "array") top.step = Number(top.step) + 1;
    else if (top) top.step = null;
    this.expects = top?.kind === "object" ? "key" : "value";
  }

  private string(top: OpenContainer | undefined): void {
    const start = this.at;
    const end = this.endOfString(start);
    const closed = this.text[end] === '"';
    const after = closed ? end + 1 : end;
    const cursorInside = this.offset > start && this.offset < after + (closed ? 0 : 1);
    const key = top?.kind === "object" && this.expects === "key";
    if (cursorInside) {
      // Without a closing quote all that follows looks like a part of the string.
      this.take(start, closed ? after : this.offset);
    } else if (key && closed) top.keys.push(this.text.slice(start + 1, end));
    if (key) {
      top.step = this.text.slice(start + 1, closed ? end : this.offset);
      this.expects = "after";
    } else this.expects = "after";
    this.at = after;
  }

  private endOfString(start: number): number {
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    return Math.min(end, this.text.length);
  }

  private take(start: number, end: number): void {
    const of = this.open.at(-1);
    if (this.place || !of) return;
    const path: (string | number)[] = [];
    for (const { step } of this.open.slice(0, -1)) if (step !== null) path.push(step);
    if (this.expects === "value" && of.step !== null) path.push(of.step);
    const colonFollows = /^\s*:/.test(this.text.slice(end, end + 20));
    this.place = { path, expects: this.expects, start, end, colonFollows, of };
  }
}
