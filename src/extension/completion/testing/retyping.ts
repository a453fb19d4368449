/** A person who writes a Python file anew: keystrokes with slips, looks elsewhere, pastes and brackets the editor closes. */
import type { EditorModel } from "./editorModel";
import type { Random } from "./random";

/** What was done last. `key`: one character was typed; `accept` is the caller's own. */
export type Stroke = "key" | "slip" | "backspace" | "delete" | "move" | "paste" | "done";

/** Out of a thousand keys. */
const SLIPS = 25;
const EXCURSIONS = 6;

interface Goal {
  /** What the text shall be in the end. */
  target: string;
  /** What stands behind the part to be written, however many brackets the editor puts before it. */
  suffix: string;
}

/**
 * Drives an editor to `target`, a stroke at a time. It looks at the text before each stroke, so that whatever was accepted
 * in between is gone on with, or taken back.
 */
export class Retyping {
  /** The innermost is what is being written; below it, what was interrupted, and where. */
  private readonly goals: Goal[];
  private readonly interruptedAt: number[] = [];

  constructor(
    private readonly editor: EditorModel,
    target: string,
    suffix: string,
    private readonly random: Random,
  ) {
    this.goals = [{ target, suffix }];
  }

  /** What the text shall be when what is being written is done. */
  get target(): string {
    return this.goals.at(-1)!.target;
  }

  stroke(): Stroke {
    const { target, suffix } = this.goals.at(-1)!;
    const { editor } = this;
    if (editor.text === target && editor.cursor === target.length - suffix.length) return this.endOfGoal();
    if (!target.startsWith(editor.prefix) || editor.cursor > target.length - suffix.length) {
      editor.backspace();
      return "backspace";
    }
    const extra = editor.suffix.length - suffix.length;
    const next = target[editor.cursor];
    if (editor.cursor === target.length - suffix.length || next === undefined) {
      // All is written; what the editor has put behind it goes.
      editor.deleteForward();
      return "delete";
    }
    if (extra > 0 && editor.suffix[0] === next) return this.over(next);
    if (this.random.below(1000) < SLIPS && /[a-z]/.test(next)) {
      editor.type(next === "e" ? "r" : "e");
      return "slip";
    }
    if (this.goals.length === 1 && this.random.below(1000) < EXCURSIONS) return this.lookElsewhere();
    editor.type(next);
    return "key";
  }

  /** Past a closer: by typing it where the editor takes it so, else by the arrow key. */
  private over(next: string): Stroke {
    const before = this.editor.text;
    const state = this.editor.state;
    if (/[)\]}'"]/.test(next)) {
      this.editor.type(next);
      if (this.editor.text === before) return "key";
      this.editor.restore(state);
    }
    this.editor.right();
    return "move";
  }

  /** Goes to another line to put one in above it: an import that was missing, a note; typed or pasted. */
  private lookElsewhere(): Stroke {
    const { text, cursor } = this.editor;
    const starts = [...text.matchAll(/^(?=\S)/gm)].map(({ index }) => index).filter((at) => at <= cursor - 40);
    if (starts.length === 0) return this.stroke();
    const at = starts[this.random.below(starts.length)]!;
    const line = this.random.pick([
      "import os\n",
      "# To be looked at again.\n",
      "LIMIT = max(10, 2)\n",
      "from re import sub\n",
    ]);
    this.interruptedAt.push(cursor + line.length);
    // What was begun below goes on in the longer text.
    const [outer] = this.goals as [Goal];
    outer.target = outer.target.slice(0, at) + line + outer.target.slice(at);
    this.goals.push({ target: text.slice(0, at) + line + text.slice(at), suffix: text.slice(at) });
    this.editor.moveTo(at);
    if (this.random.below(2) === 0) this.editor.paste(line);
    return "move";
  }

  private endOfGoal(): Stroke {
    if (this.goals.length === 1) return "done";
    this.goals.pop();
    this.editor.moveTo(this.interruptedAt.pop()!);
    return "move";
  }
}
