import type {
  PreviewSegment,
  ReportSeverity,
  RowPreview,
  RowPreviewResult,
  SampleRow,
} from "../../src/protocol/datasetView";
import { element, icon, linkButton } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { button } from "../toolkit";
import { SEVERITY_ORDER, severityIcon, severityName } from "./problemTable";

/** Tints that neighbouring tokens go through. */
const TINTS = 4;

interface PaneActions {
  open(row: number): void;
  step(by: 1 | -1): void;
}

/** One row as the model sees it: its tokens, and which of them are learned. */
export class RowPane {
  readonly element: HTMLElement;
  readonly #title = element("h3");
  readonly #counts = element("p", { class: "quiet", testId: "row-counts" });
  readonly #problems = element("ul", { class: "row-problems" });
  readonly #text = element("div", { class: "row-text", testId: "row-text" });
  readonly #previous;
  readonly #next;
  readonly #tokens = toggle(t("Tokens"), true, (on) => this.#text.classList.toggle("with-tokens", on));
  readonly #mask = toggle(t("Learned part"), true, (on) => this.#text.classList.toggle("with-mask", on));
  readonly #toolbar: HTMLElement;
  #row: SampleRow | undefined;

  constructor(
    private readonly titles: ReadonlyMap<string, string>,
    private readonly severities: ReadonlyMap<string, ReportSeverity>,
    private readonly actions: PaneActions,
  ) {
    this.#previous = button(t("Previous"), () => actions.step(-1), { icon: "arrow-up", testId: "previous-row" });
    this.#next = button(t("Next"), () => actions.step(1), { icon: "arrow-down", testId: "next-row" });
    this.#text.classList.add("with-tokens", "with-mask");
    this.#text.tabIndex = 0;
    this.#text.setAttribute("role", "region");
    this.#text.setAttribute("aria-label", t("The row as the model sees it"));
    this.#toolbar = element(
      "div",
      { class: "pane-tools" },
      this.#tokens,
      this.#mask,
      element("span", { class: "stretch" }),
      this.#previous.element,
      this.#next.element,
    );
    this.element = element(
      "article",
      { class: "row-pane", testId: "row-pane" },
      element("div", { class: "pane-head" }, this.#title, this.#openLink(), this.#counts),
      this.#toolbar,
      this.#problems,
      this.#text,
    );
  }

  /** `none`: no row fits the filter. */
  showNothing(none: boolean): void {
    this.#row = undefined;
    this.element.classList.add("empty");
    this.#title.textContent = none ? t("No row fits these filters.") : t("Choose a row.");
    this.#counts.textContent = "";
    this.#problems.replaceChildren();
    this.#text.replaceChildren();
  }

  showLoading(row: SampleRow): void {
    this.#row = row;
    this.element.classList.remove("empty");
    this.#title.textContent = t("Row {0}", count(row.row));
    this.#problems.replaceChildren(...this.#mostSerious(row.problems).map((problem) => this.#problem(problem)));
    // The earlier row stays until this one comes: most come at once, and nothing flickers.
    this.#text.setAttribute("aria-busy", "true");
  }

  setPosition(index: number, length: number): void {
    this.#previous.setDisabled(index <= 0);
    this.#next.setDisabled(index < 0 || index + 1 >= length);
  }

  showResult(row: number, result: RowPreviewResult): void {
    if (row !== this.#row?.row) return;
    this.#settle();
    if (result.state === "ready") this.#showPreview(result.preview);
    else this.#showUnreadable(result.message, result.source);
  }

  showFailure(row: number, message: string): void {
    if (row !== this.#row?.row) return;
    this.#settle();
    this.#showUnreadable(message, "");
  }

  #settle(): void {
    this.#text.removeAttribute("aria-busy");
    this.#text.scrollTop = 0;
  }

  #openLink(): HTMLElement {
    return linkButton(t("Open in the editor"), () => this.#row && this.actions.open(this.#row.row), "open-row");
  }

  #mostSerious(problems: SampleRow["problems"]): SampleRow["problems"] {
    const rank = ({ check }: { check: string }) => SEVERITY_ORDER.indexOf(this.severities.get(check) ?? "information");
    return [...problems].sort((a, b) => rank(a) - rank(b));
  }

  #problem({ check, message }: SampleRow["problems"][number]): HTMLElement {
    const severity = this.severities.get(check) ?? "information";
    return element(
      "li",
      { title: this.titles.get(check) ?? check },
      severityIcon(severity),
      element("span", { class: "for-screen-readers", text: severityName(severity) }),
      element("span", { text: message }),
    );
  }

  #showPreview({ segments, tokens, leftOut }: RowPreview): void {
    this.#counts.textContent =
      tokens === null
        ? t("Without a tokenizer there are no tokens to show.")
        : t("{0} tokens: {1} prompt, {2} learned", count(tokens.total), count(tokens.prompt), count(tokens.response));
    this.#tokens.hidden = segments.every(({ pieces }) => pieces === null);
    this.#toolbar.classList.remove("idle");
    const tint = { next: 0 };
    const parts = segments.map((segment) => segmentElement(segment, tint));
    const rest =
      leftOut > 0 && element("p", { class: "quiet", text: t("{0} more characters are not shown.", count(leftOut)) });
    this.#text.replaceChildren(element("pre", {}, ...parts), ...(rest ? [rest] : []));
  }

  #showUnreadable(message: string, source: string): void {
    this.#counts.textContent = "";
    this.#toolbar.classList.add("idle");
    const known = this.#row?.problems.some((problem) => problem.message === message) ?? false;
    const why = element("p", { class: "message error" }, icon("error"), element("span", { text: message }));
    this.#text.replaceChildren(...(known ? [] : [why]), element("pre", { text: source }));
  }
}

function segmentElement(segment: PreviewSegment, tint: { next: number }): HTMLElement {
  const kind = `segment ${segment.learned ? "learned" : "given"}${segment.control ? " control" : ""}`;
  // A mark where it is learned: some screen readers tell it, and it is more than a colour.
  const made = element(segment.learned ? "mark" : "span", { class: kind });
  if (segment.pieces === null) {
    made.textContent = segment.text;
    return made;
  }
  for (const { text, ids } of segment.pieces) {
    const piece = element("span", {
      class: `token tint-${tint.next++ % TINTS}`,
      title: ids.length === 1 ? t("Token {0}", ids[0]!) : t("Tokens {0}", ids.join(", ")),
    });
    piece.append(...withLineEnds(text));
    made.append(piece);
  }
  return made;
}

/** A line's end is a token too, and must be seen as one; the sign is the style sheet's, so that it is not copied. */
function withLineEnds(text: string): (Node | string)[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index) =>
    index === lines.length - 1 ? [line] : [line, element("span", { class: "line-end" }), "\n"],
  );
}

function toggle(text: string, pressed: boolean, change: (on: boolean) => void): HTMLButtonElement {
  const made = element("button", { class: "toggle", attributes: { "aria-pressed": String(pressed) } });
  made.type = "button";
  made.append(icon("check"), text);
  made.addEventListener("click", () => {
    const on = made.getAttribute("aria-pressed") !== "true";
    made.setAttribute("aria-pressed", String(on));
    change(on);
  });
  return made;
}
