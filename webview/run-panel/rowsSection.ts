import type { RowLossReport, StepRowsReport, ToRows } from "../../src/protocol/rowsView";
import type { FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { count, fileName, loss } from "../figures";
import { t } from "../texts";
import { button, progressRing } from "../toolkit";
import type { RunHead } from "./outcome";
import { rowTable, sourceNotes } from "./rowTable";
import type { RunSection } from "./runSection";
import "./rows.css";

/** From a point of the curve to the rows of its batch; and the rows that cost most in the last pass. */
export class RowsSection implements RunSection {
  readonly element: HTMLElement;
  readonly #step: HTMLInputElement;
  readonly #show: ReturnType<typeof button>;
  readonly #stepRows = element("div", { testId: "step-rows" });
  readonly #worst: HTMLElement;
  readonly #worstRows = element("div", { testId: "worst-rows" });
  readonly #worstActions: HTMLElement;
  readonly #files = element("p", { class: "quiet", hidden: true, testId: "row-loss-files" });
  readonly #live = liveRegion();
  #lastStep = 0;

  constructor(private readonly post: (message: FromRunPanel) => void) {
    this.#step = element("input", { testId: "rows-step", attributes: { size: "8", min: "1" } });
    this.#step.type = "number";
    this.#step.addEventListener("input", () => this.#enable());
    this.#step.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#ask();
    });
    this.#show = button(t("Show rows"), () => this.#ask(), { icon: "list-flat", testId: "show-rows" });
    const copy = button(t("Copy list"), () => this.#copy(), { icon: "copy", testId: "copy-row-losses" });
    const save = button(t("Save row losses…"), () => post({ type: "saveRowLosses" }), {
      icon: "save",
      testId: "save-row-losses",
    });
    this.#worstActions = element("div", { class: "actions", hidden: true }, copy.element, save.element);
    this.#worst = element(
      "section",
      { class: "worst-rows", hidden: true, attributes: { "aria-labelledby": "worst-title" } },
      element("h2", { id: "worst-title", text: t("Worst rows") }),
      this.#worstActions,
      this.#files,
      this.#worstRows,
    );
    this.element = element(
      "div",
      { class: "rows", testId: "rows-section" },
      element(
        "section",
        { attributes: { "aria-labelledby": "rows-title" } },
        element("h2", { id: "rows-title", text: t("Rows of a step") }),
        element(
          "div",
          { class: "actions" },
          element("label", { class: "step-field" }, element("span", { text: t("Step") }), this.#step),
          this.#show.element,
          element("span", { class: "quiet", text: t("Or choose a point of the curve.") }),
        ),
        this.#stepRows,
      ),
      this.#worst,
      this.#live,
    );
    this.element.hidden = true;
    this.#enable();
  }

  showHead(head: RunHead): void {
    this.element.hidden = head.totalSteps === 0;
    this.#lastStep = head.totalSteps;
    this.#step.max = String(head.totalSteps);
    this.#enable();
  }

  chooseStep(step: number): void {
    if (step >= 1) this.#step.value = String(step);
    this.#enable();
    if (step >= 1) this.#ask();
    else this.#sayNoRows();
    this.element.scrollIntoView({ block: "start" });
  }

  receive(message: ToRunPanel): void {
    if (message.type === "stepRows") this.#receiveStep(message);
    else if (message.type === "rowLosses") this.#receiveLosses(message);
    else if (message.type === "rowLossFiles") this.#receiveFiles(message);
  }

  #ask(): void {
    if (this.#chosen() !== null) this.post({ type: "showStepRows", step: this.#chosen()! });
  }

  /** What was measured before the first batch is at step 0. */
  #sayNoRows(): void {
    const text = t("Step 0 comes before the first batch, so it has no rows; choose a step from 1 on.");
    this.#stepRows.replaceChildren(element("p", { class: "quiet", text, testId: "no-step-rows" }));
    setText(this.#live, text);
  }

  #copy(): void {
    this.post({ type: "copyRowLosses" });
    setText(this.#live, t("The list is on the clipboard."));
  }

  /** Null where what is typed is no step of the run. */
  #chosen(): number | null {
    const step = Number(this.#step.value);
    return Number.isInteger(step) && step >= 1 && step <= this.#lastStep ? step : null;
  }

  #enable(): void {
    const wrong = this.#step.value !== "" && this.#chosen() === null;
    this.#show.setDisabled(this.#chosen() === null);
    this.#step.setAttribute("aria-invalid", String(wrong));
    this.#step.title = t("A whole number from 1 to {0}", count(Math.max(1, this.#lastStep)));
  }

  #receiveStep(message: Extract<ToRows, { type: "stepRows" }>): void {
    switch (message.state) {
      case "none":
        this.#stepRows.replaceChildren();
        return;
      case "loading":
        this.#stepRows.replaceChildren(waiting(t("Reading the rows of step {0}", count(message.step))));
        return;
      case "error":
        this.#stepRows.replaceChildren(problem(message.message));
        return;
      case "ready":
        if (this.#step.value === "") this.#step.value = String(message.report.step);
        this.#enable();
        this.#stepRows.replaceChildren(...this.#stepReport(message.report));
        setText(this.#live, t("{0} rows of step {1}", count(message.report.total), count(message.report.step)));
    }
  }

  #stepReport({ step, total, rows, sources }: StepRowsReport): HTMLElement[] {
    const withLoss = rows.some((row) => row.loss !== null);
    const text = withLoss
      ? t("{0} rows of step {1}, by what they cost in the last pass that met them", count(total), count(step))
      : t("{0} rows of step {1}; what each cost is known after the pass", count(total), count(step));
    const table = rowTable(rows, sources, {
      caption: text,
      testId: "step-row-table",
      steps: false,
      onOpen: ({ source, row }) => this.post({ type: "openRunRow", list: "step", source, row }),
    });
    const more = total - rows.length;
    return [
      element("p", { class: "quiet", text }),
      ...sourceNotes(rows, sources),
      table,
      ...(more > 0 ? [element("p", { class: "quiet", text: t("and {0} more", count(more)) })] : []),
    ];
  }

  #receiveLosses(message: Extract<ToRows, { type: "rowLosses" }>): void {
    this.#worst.hidden = message.state === "none";
    this.#worstActions.hidden = message.state !== "ready";
    if (message.state === "loading") this.#worstRows.replaceChildren(waiting(t("Reading what the rows cost")));
    if (message.state === "error") this.#worstRows.replaceChildren(problem(message.message));
    if (message.state === "ready") this.#worstRows.replaceChildren(...this.#lossReport(message.report));
  }

  /** "Beside the data set, all rows of pass 2: questions.row-losses.csv" */
  #receiveFiles({ pass, files }: Extract<ToRows, { type: "rowLossFiles" }>): void {
    const links = files.map((file, index) => {
      const link = linkButton(
        fileName(file),
        () => this.post({ type: "openRowLossFile", file: index }),
        "row-loss-file",
      );
      link.title = file;
      return link;
    });
    const separated = links.flatMap((link, index) => (index === 0 ? [link] : [", ", link]));
    this.#files.replaceChildren(t("Beside the data set, all rows of pass {0}:", count(pass)), " ", ...separated);
    this.#files.hidden = files.length === 0;
  }

  #lossReport({ pass, met, median, worst, sources }: RowLossReport): HTMLElement[] {
    const text = t("Pass {0}: {1} rows, median loss {2}", count(pass), count(met), loss(median));
    return [
      element("p", { class: "quiet", text, testId: "row-loss-summary" }),
      ...sourceNotes(worst, sources),
      rowTable(worst, sources, {
        caption: t("The rows with the highest loss in pass {0}", count(pass)),
        testId: "worst-row-table",
        steps: true,
        onOpen: ({ source, row }) => this.post({ type: "openRunRow", list: "worst", source, row }),
      }),
    ];
  }
}

function waiting(text: string): HTMLElement {
  return element("p", { class: "counting" }, progressRing(), element("span", { text }));
}

function problem(message: string): HTMLElement {
  return element(
    "p",
    { class: "message error", role: "alert", testId: "rows-error" },
    icon("error"),
    element("span", { text: message }),
  );
}
