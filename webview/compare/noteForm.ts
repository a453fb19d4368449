import type { ComparedRun, FromCompareView } from "../../src/protocol/compareView";
import { element, setText } from "../dom";
import { t } from "../texts";
import { type Button, button } from "../toolkit";
import { swatch } from "./runLine";

/** Notes are kept when typing pauses for so long, and when the field is left. */
const KEEP_AFTER_MS = 800;

type Post = (message: FromCompareView) => void;

/** A run's name, tags and notes to write, and what can be done with it. */
export class NoteForm {
  readonly element: HTMLElement;
  readonly #id: string;
  readonly #heading = element("h3");
  readonly #name: TextInput;
  readonly #tags: TextInput;
  readonly #notes: TextInput;
  readonly #use: Button;

  constructor(run: ComparedRun, slot: number, post: Post) {
    this.#id = run.id;
    const { id } = run;
    this.#name = new TextInput("input", t("Name"), "name", (name) => post({ type: "rename", id, name }));
    this.#tags = new TextInput("input", t("Tags, separated by commas"), "tags", (tags) =>
      post({ type: "setTags", id, tags }),
    );
    this.#notes = new TextInput("textarea", t("Notes"), "notes", (notes) => post({ type: "setNotes", id, notes }));
    this.#use = button(t("Use for completion"), () => post({ type: "useForCompletion", id }), {
      icon: "sparkle",
      testId: "use-for-completion",
    });
    const open = button(t("Open run"), () => post({ type: "openRun", id }), { icon: "graph-line", testId: "open-run" });
    const remove = button(t("Remove from comparison"), () => post({ type: "remove", id }), {
      icon: "close",
      testId: "remove",
    });
    this.element = element(
      "section",
      { class: "note-form", testId: "note-form", attributes: { "data-run": id } },
      element("div", { class: "note-head" }, swatch(slot), this.#heading),
      this.#name.element,
      this.#tags.element,
      this.#notes.element,
      element("div", { class: "actions" }, open.element, this.#use.element, remove.element),
    );
    this.show(run);
  }

  get id(): string {
    return this.#id;
  }

  show(run: ComparedRun): void {
    setText(this.#heading, run.name);
    this.#name.show(run.name, run.givenName);
    this.#tags.show(run.tags.join(", "));
    this.#notes.show(run.notes);
    this.#use.element.hidden = !run.usable;
    this.#use.setDisabled(run.inUse);
    this.#use.setText(run.inUse ? t("In use") : t("Use for completion"));
  }

  /** What has been typed is not lost with the page. */
  flush(): void {
    for (const field of [this.#name, this.#tags, this.#notes]) field.flush();
  }
}

/** A field that keeps what is typed; what comes from elsewhere does not overwrite it meanwhile. */
class TextInput {
  readonly element: HTMLElement;
  readonly #field: HTMLInputElement | HTMLTextAreaElement;
  /** As the run has it. */
  #kept = "";
  #timer: number | undefined;

  constructor(
    tag: "input" | "textarea",
    label: string,
    testId: string,
    private readonly keep: (value: string) => void,
  ) {
    this.#field = element(tag, { testId });
    if (tag === "textarea") {
      this.#field.setAttribute("rows", "4");
      this.#field.addEventListener("input", () => this.#keepSoon());
    } else
      this.#field.addEventListener("keydown", (event) => {
        if ((event as KeyboardEvent).key === "Enter") this.flush();
      });
    this.#field.addEventListener("blur", () => this.flush());
    this.element = element(
      "label",
      { class: "text-input" },
      element("span", { class: "quiet", text: label }),
      this.#field,
    );
  }

  show(value: string, placeholder = ""): void {
    const edited = this.#field.value !== this.#kept;
    this.#kept = value;
    this.#field.placeholder = placeholder;
    if ((edited && document.activeElement === this.#field) || this.#field.value === value) return;
    this.#field.value = value;
  }

  flush(): void {
    clearTimeout(this.#timer);
    if (this.#field.value === this.#kept) return;
    this.#kept = this.#field.value;
    this.keep(this.#field.value);
  }

  #keepSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.flush(), KEEP_AFTER_MS);
  }
}
