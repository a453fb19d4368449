import type { PinnedSample, SampleReport } from "../../src/protocol/samplesView";
import type { FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, liveRegion, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { progressRing } from "../toolkit";
import type { KeptPage } from "./keptPage";
import type { RunHead } from "./outcome";
import { PromptForm } from "./promptForm";
import type { RunSection } from "./runSection";
import { SampleCard, type SampleLook } from "./sampleCard";
import "./samples.css";

/** The pinned prompts, answered at each evaluation, each beside what the base model says. */
export class SamplesSection implements RunSection {
  readonly element: HTMLElement;
  #report: SampleReport | null = null;
  #active = true;
  #compares = true;
  readonly #cards = new Map<string, SampleCard>();
  readonly #list = element("div", { class: "samples-list" });
  readonly #state = element("div");
  readonly #toggle: HTMLInputElement;
  readonly #form: PromptForm;
  readonly #live = liveRegion();

  constructor(
    private readonly post: (message: FromRunPanel) => void,
    private readonly kept: KeptPage,
  ) {
    this.#toggle = element("input", { testId: "samples-compare" });
    this.#toggle.type = "checkbox";
    this.#toggle.checked = true;
    this.#toggle.addEventListener("change", () => {
      this.#compares = this.#toggle.checked;
      this.#showCards();
    });
    this.#form = new PromptForm((instruction) => post({ type: "addSample", instruction }), kept);
    this.#state.replaceChildren(element("div", { class: "skeleton line" }));
    this.element = element(
      "section",
      { class: "samples", testId: "samples", attributes: { "aria-labelledby": "samples-title" } },
      element("h2", { id: "samples-title", text: t("Samples") }),
      element(
        "div",
        { class: "actions" },
        element("label", { class: "check" }, this.#toggle, t("Compare with the base model")),
        this.#form.opener,
      ),
      this.#form.element,
      this.#state,
      this.#list,
      this.#live,
    );
    this.element.hidden = true;
  }

  showHead(head: RunHead): void {
    this.element.hidden = head.state === "queued" || head.state === "preparing";
    const active = head.state === "running" || head.state === "paused";
    if (active === this.#active) return;
    this.#active = active;
    this.#showCards();
  }

  receive(message: ToRunPanel): void {
    if (message.type === "pinning") this.#form.show(message);
    if (message.type !== "samples") return;
    switch (message.state) {
      case "loading":
        // What is known stays while it is read anew.
        if (this.#report === null) {
          this.#state.replaceChildren(
            element("p", { class: "counting" }, progressRing(), element("span", { text: t("Reading the answers") })),
          );
        }
        return;
      case "error":
        this.#showProblem(message.message);
        return;
      case "ready":
        this.#report = message.report;
        this.#showReport(message.report);
    }
  }

  #showReport({ samples, problem }: SampleReport): void {
    if (problem !== null) this.#showProblem(problem);
    else if (samples.length > 0) this.#state.replaceChildren();
    else {
      const text = t("No prompt is pinned. Add one, and each evaluation answers it.");
      this.#state.replaceChildren(element("p", { class: "quiet", text, testId: "no-samples" }));
    }
    this.#toggle.disabled = samples.length === 0;
    this.#showCards();
    const newest = Math.max(0, ...samples.flatMap(({ answers }) => answers.map(({ step }) => step)));
    if (newest > 0) setText(this.#live, t("Samples of step {0} are there.", count(newest)));
  }

  #showProblem(message: string): void {
    this.#state.replaceChildren(
      element(
        "p",
        { class: "message error", testId: "samples-error" },
        icon("error"),
        element("span", { text: message }),
      ),
    );
  }

  #showCards(): void {
    const samples = this.#report?.samples ?? [];
    const view = { compares: this.#compares, active: this.#active };
    const wanted = new Set(samples.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (wanted.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    for (const sample of samples) {
      const known = this.#cards.get(sample.id);
      if (known !== undefined) {
        known.show(sample, view);
        continue;
      }
      const card = this.#cardFor(sample, view);
      this.#cards.set(sample.id, card);
      this.#list.append(card.element);
    }
  }

  #cardFor(sample: PinnedSample, view: SampleLook): SampleCard {
    const { id } = sample;
    const step = this.kept.state.sampleSteps.find(([known]) => known === id)?.[1] ?? null;
    return new SampleCard(sample, view, {
      step,
      onStep: (chosen) => this.#keepStep(id, chosen),
      onRemove: () => this.post({ type: "removeSample", id }),
    });
  }

  #keepStep(id: string, step: number | null): void {
    const others = this.kept.state.sampleSteps.filter(([known]) => known !== id && this.#cards.has(known));
    this.kept.keep({ sampleSteps: step === null ? others : [...others, [id, step]] });
  }
}
