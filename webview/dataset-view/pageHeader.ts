import type { DatasetReport, FromDatasetView } from "../../src/protocol/datasetView";
import { element, icon, linkButton, setText } from "../dom";
import { compact, count, fileName } from "../figures";
import { t } from "../texts";
import { button, progressRing } from "../toolkit";
import { SEVERITY_ORDER, severityIcon, severityName } from "./problemTable";

/** The file, its figures, what can be done with it, and what is being done. */
export class PageHeader {
  readonly element: HTMLElement;
  readonly #figures = element("dl", { class: "figures" });
  readonly #state = element("div", { class: "state-line", testId: "state" });
  readonly #notes = element("div", { class: "notes" });

  constructor(
    dataset: string,
    private readonly post: (message: FromDatasetView) => void,
  ) {
    const name = fileName(dataset);
    const fineTune = button(t("Fine-tune"), () => post({ type: "fineTune" }), {
      primary: true,
      icon: "play",
      testId: "fine-tune",
    });
    const validate = button(t("Validate"), () => post({ type: "validate" }), { icon: "check-all", testId: "validate" });
    const refresh = button(t("Refresh"), () => post({ type: "refresh" }), { icon: "refresh", testId: "refresh" });
    const folder = element("span", { class: "quiet", text: dataset.slice(0, -name.length), title: dataset });
    this.element = element(
      "header",
      {},
      element(
        "div",
        { class: "title-line" },
        element("h1", { text: name, title: dataset }),
        element("div", { class: "actions" }, fineTune.element, validate.element, refresh.element),
      ),
      element(
        "p",
        { class: "path" },
        linkButton(t("Open in the editor"), () => post({ type: "openDataset" }), "open-dataset"),
        folder,
      ),
      this.#figures,
      this.#state,
      this.#notes,
    );
    this.#showFigures(null);
  }

  showLoading(stage: string, fraction: number | null): void {
    const text = fraction === null ? stage : `${stage} ${Math.round(fraction * 100)} %`;
    const known = this.#state.querySelector<HTMLElement>(".stage");
    if (known !== null) {
      setText(known, text);
    } else {
      this.#state.replaceChildren(
        progressRing(),
        element("span", { class: "stage", text }),
        linkButton(t("Cancel"), () => this.post({ type: "cancel" }), "cancel"),
      );
    }
    const bar = this.#state.querySelector("progress") ?? this.#state.appendChild(element("progress"));
    bar.setAttribute("aria-label", stage);
    bar.max = 1;
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  showReport(report: DatasetReport): void {
    this.#state.replaceChildren();
    this.#showFigures(report);
    this.#notes.replaceChildren(...this.#reportNotes(report));
  }

  showFailure(message: string): void {
    this.#state.replaceChildren();
    const again = linkButton(t("Try again"), () => this.post({ type: "refresh" }), "try-again");
    this.#notes.replaceChildren(note("error", message, again));
  }

  showCancelled(): void {
    this.#state.replaceChildren();
    const again = linkButton(t("Read it again"), () => this.post({ type: "refresh" }), "try-again");
    this.#notes.replaceChildren(note("info", t("Reading the file was cancelled."), again));
  }

  showChanged(): void {
    if (this.#notes.querySelector("[data-testid=changed]") !== null) return;
    const refresh = linkButton(t("Refresh"), () => this.post({ type: "refresh" }), "refresh-changed");
    const changed = note("info", t("The file has changed since it was read."), refresh);
    changed.dataset.testid = "changed";
    changed.setAttribute("role", "status");
    this.#notes.prepend(changed);
  }

  #showFigures(report: DatasetReport | null): void {
    const unit = report?.unit === "tokens" ? t("tokens") : t("characters");
    this.#figures.replaceChildren(
      figure(report && (report.format ?? t("unknown")), t("format"), "format"),
      figure(report && count(report.rows), t("rows"), "rows-figure"),
      figure(report && count(report.usable), t("rows that can be used"), "usable"),
      figure(report && compact(report.length.total), unit, "length-total"),
      problemFigure(report),
    );
  }

  #reportNotes(report: DatasetReport): HTMLElement[] {
    const notes: HTMLElement[] = [];
    if (report.rows > 0 && report.usable === 0) {
      notes.push(note("error", t("No row can be used for training: mend the problems below.")));
    }
    if (report.checks === "structure") {
      const text = t("The file is so large that only the structure of its rows was checked, not their texts.");
      notes.push(note("info", text));
    }
    if (report.unit === "characters" && report.usable > 0) {
      const set = linkButton(t("Choose a tokenizer"), () => this.post({ type: "setTokenizer" }), "set-tokenizer");
      notes.push(note("info", t("Lengths are in characters: with a tokenizer they are counted in tokens."), set));
    }
    return notes;
  }
}

/** `value` null: not known yet. */
function figure(value: string | null, label: string, testId: string): HTMLElement {
  return figureOf(value === null ? [place()] : [element("span", { text: value, testId })], label);
}

/** How many of each severity: as the editor counts them. */
function problemFigure(report: DatasetReport | null): HTMLElement {
  if (report === null) return figureOf([place()], t("problems"));
  const counts = SEVERITY_ORDER.flatMap((severity) => {
    const found = report.problems.filter((problem) => problem.severity === severity);
    const problems = found.reduce((sum, problem) => sum + problem.problems, 0);
    if (problems === 0) return [];
    const name = element("span", { class: "for-screen-readers", text: severityName(severity) });
    return [element("span", { title: severityName(severity) }, severityIcon(severity), name, ` ${count(problems)}`)];
  });
  return figureOf(counts.length === 0 ? [element("span", { text: count(0) })] : counts, t("problems"));
}

function figureOf(values: HTMLElement[], label: string): HTMLElement {
  return element("div", { class: "figure" }, element("dt", { text: label }), element("dd", {}, ...values));
}

function place(): HTMLElement {
  return element("span", { class: "skeleton figure-place", text: "\u2007" });
}

function note(kind: "error" | "info", text: string, action?: HTMLElement): HTMLElement {
  const made = element(
    "p",
    { class: `message ${kind}`, testId: `note-${kind}` },
    icon(kind),
    element("span", { class: "message-text", text }),
    action,
  );
  if (kind === "error") made.setAttribute("role", "alert");
  return made;
}
