import type {
  ComparedRun,
  ComparedSetting,
  CompareViewState,
  FromCompareView,
  ToCompareView,
} from "../../src/protocol/compareView";
import type { CurvePiece } from "../../src/protocol/curveView";
import { CurveModel } from "../curve/curveModel";
import { element, icon, setText } from "../dom";
import { t } from "../texts";
import { button } from "../toolkit";
import { type CurveChoice, Curves } from "./curves";
import { figureRows } from "./figureRows";
import { NoteForm } from "./noteForm";
import { type Column, type Row, RunTable } from "./runTable";
import { settingName, settingText } from "./settingText";

type CompareMessage = Extract<ToCompareView, { type: "compare" }>;

/** Figures follow a run that goes on, but no faster than one can read. */
const FIGURES_EVERY_MS = 250;

interface Shown {
  run: ComparedRun;
  slot: number;
  model: CurveModel;
}

/** Runs side by side: curves, figures, settings and notes. */
export class ComparePage {
  readonly element: HTMLElement;
  /** In the order of the comparison. */
  #shown = new Map<string, Shown>();
  #settings: readonly ComparedSetting[] = [];
  #comparable = true;
  #choice: CurveChoice;
  #forms: NoteForm[] = [];
  readonly #curves: Curves;
  readonly #failure = element("p", { class: "message error", role: "alert", hidden: true, testId: "action-failed" });
  readonly #missing = element("p", { class: "message", hidden: true, testId: "missing" });
  readonly #caution = element("p", { class: "message", hidden: true, testId: "losses-differ" });
  readonly #title = element("h1");
  readonly #figures = new RunTable("figure-table");
  readonly #differing = new RunTable("differing-settings");
  readonly #noDifference = element("p", { class: "quiet", text: t("None: the runs were asked the same.") });
  readonly #same = new RunTable("same-settings-table");
  readonly #sameSummary = element("summary");
  readonly #notes = element("div", { class: "notes" });
  readonly #content: HTMLElement;
  #figureTimer: number | undefined;

  constructor(
    kept: Partial<CompareViewState>,
    private readonly post: (message: FromCompareView) => void,
    private readonly keep: (state: CompareViewState) => void,
  ) {
    const choice: CurveChoice = {
      hidden: kept.hidden ?? [],
      smoothed: kept.smoothed ?? true,
      logScale: kept.logScale ?? false,
    };
    this.#choice = choice;
    this.#curves = new Curves(choice, (changed) => {
      this.#choice = changed;
      this.#keepState();
    });
    const add = button(t("Add runs"), () => post({ type: "add" }), { icon: "add", testId: "add-runs" });
    this.#content = element(
      "div",
      { class: "content" },
      this.#curves.element,
      this.#caution,
      element("section", {}, element("h2", { text: t("Figures") }), this.#figures.element),
      element(
        "section",
        {},
        element("h2", { text: t("Settings that differ") }),
        this.#noDifference,
        this.#differing.element,
        element("details", { testId: "same-settings" }, this.#sameSummary, this.#same.element),
      ),
      element("section", {}, element("h2", { text: t("Names, tags and notes") }), this.#notes),
    );
    this.element = element(
      "div",
      { class: "page", testId: "compare" },
      element("header", {}, this.#title, add.element),
      this.#failure,
      this.#missing,
      this.#content,
    );
    window.addEventListener("pagehide", () => this.#flush());
  }

  receive(message: ToCompareView): void {
    switch (message.type) {
      case "compare":
        this.#show(message);
        return;
      case "curve":
        this.#addPoints(message);
        return;
      case "run":
        this.#setRun(message.run);
        return;
      case "actionFailed":
        this.#failure.replaceChildren(icon("error"), element("span", { text: message.message }));
        this.#failure.hidden = false;
        return;
    }
  }

  #show({ runs, settings, lossesDiffer, missing }: CompareMessage): void {
    this.#flush();
    const before = this.#shown;
    const taken = new Set(runs.flatMap((run) => before.get(run.id)?.slot ?? []));
    this.#shown = new Map(
      runs.map((run) => {
        const known = before.get(run.id);
        // A run keeps its colour when others come and go.
        const slot = known?.slot ?? firstFree(taken);
        taken.add(slot);
        return [run.id, { run, slot, model: known?.model ?? emptyModel(run) }];
      }),
    );
    this.#settings = settings;
    this.#comparable = !lossesDiffer;
    setText(this.#title, t("Compare {0} runs", runs.length));
    this.#showMissing(missing);
    this.#content.hidden = runs.length === 0;
    this.#showForms();
    this.#showCurves();
    this.#showFigures();
    this.#showSettings();
    this.#keepState();
  }

  /** A form stays as long as its run, so that typing goes on in it. */
  #showForms(): void {
    const before = new Map(this.#forms.map((form) => [form.id, form]));
    this.#forms = [...this.#shown.values()].map(({ run, slot }) => {
      const form = before.get(run.id) ?? new NoteForm(run, slot, this.post);
      before.delete(run.id);
      form.show(run);
      if (form.element.parentElement === null) this.#notes.append(form.element);
      return form;
    });
    for (const form of before.values()) form.element.remove();
  }

  #showMissing(missing: readonly string[]): void {
    this.#missing.hidden = missing.length === 0;
    const text = t("No longer there: {0}. They were deleted, or their folder cannot be read.", missing.join(", "));
    this.#missing.replaceChildren(icon("info"), element("span", { text }));
  }

  #showCurves(): void {
    this.#curves.show(
      [...this.#shown.values()].map(({ run: { id, name }, slot, model }) => ({ id, name, slot, model })),
    );
  }

  #addPoints(piece: CurvePiece): void {
    const shown = this.#shown.get(piece.id);
    if (shown === undefined) return;
    if (piece.restart) shown.model = emptyModel(shown.run);
    shown.model.append(piece);
    if (piece.restart) this.#showCurves();
    else this.#curves.update();
    this.#showFiguresSoon();
  }

  #setRun(run: ComparedRun): void {
    const shown = this.#shown.get(run.id);
    if (shown === undefined) return;
    const renamed = shown.run.name !== run.name;
    shown.run = run;
    this.#forms.find((form) => form.id === run.id)?.show(run);
    if (renamed) {
      this.#showCurves();
      this.#showSettings();
    }
    this.#showFiguresSoon();
  }

  #showFiguresSoon(): void {
    this.#figureTimer ??= window.setTimeout(() => this.#showFigures(), FIGURES_EVERY_MS);
  }

  #columns(): Column[] {
    return [...this.#shown.values()].map(({ run, slot }) => ({ name: run.name, slot }));
  }

  #showFigures(): void {
    clearTimeout(this.#figureTimer);
    this.#figureTimer = undefined;
    const runs = [...this.#shown.values()].map(({ run, model }) => ({ run, evalLossAfter: lossAfter(run, model) }));
    const measured = runs.filter((run) => run.evalLossAfter !== null).length;
    this.#caution.hidden = this.#comparable || measured < 2;
    this.#caution.replaceChildren(
      icon("info"),
      element("span", {
        text: t(
          "Base model, data or held-out rows differ between these runs: a lower held-out loss need not mean the better model.",
        ),
      }),
    );
    this.#figures.show(this.#columns(), figureRows(runs, this.#comparable), t("Figures of the runs"));
  }

  #showSettings(): void {
    const differing = this.#settings.filter((setting) => setting.differs);
    const same = this.#settings.filter((setting) => !setting.differs);
    this.#noDifference.hidden = differing.length > 0;
    this.#differing.element.hidden = differing.length === 0;
    this.#differing.show(this.#columns(), differing.map(settingRow), t("Settings that differ"));
    const text = t("The same in all runs: {0} settings", same.length);
    setText(this.#sameSummary, text);
    this.#same.show([], same.map(sharedRow), text);
  }

  #keepState(): void {
    const ids = [...this.#shown.keys()];
    const hidden = this.#choice.hidden.filter((id) => this.#shown.has(id));
    if (ids.length > 0) this.keep({ ...this.#choice, ids, hidden });
  }

  #flush(): void {
    for (const form of this.#forms) form.flush();
  }
}

function emptyModel(run: ComparedRun): CurveModel {
  return new CurveModel(run.totalSteps);
}

function firstFree(taken: ReadonlySet<number>): number {
  let slot = 0;
  while (taken.has(slot)) slot++;
  return slot;
}

/** Null until held-out rows have been looked at after training began. */
function lossAfter(run: ComparedRun, model: CurveModel): number | null {
  return model.evalLoss.lastStep > 0 ? run.evalLoss : null;
}

function settingRow({ key, values }: ComparedSetting): Row {
  const cells = values.map((value) => {
    const { text, full } = settingText(key, value, values);
    return { content: [text], ...(full === null ? {} : { title: full }) };
  });
  return { label: settingName(key), cells };
}

/** A setting of which every run has the same, as far as it is known. */
function sharedRow(setting: ComparedSetting): Row {
  const value = setting.values.find((known) => known !== null) ?? null;
  return settingRow({ ...setting, values: [value] });
}
