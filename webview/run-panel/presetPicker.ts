import type { PlanForm, PlanSettings, PresetChoice } from "../../src/protocol/planForm";
import type { FromPlan } from "../../src/protocol/planView";
import { element, icon, linkButton, setText } from "../dom";
import { t } from "../texts";

/** Settings to begin with: the product's, and those that were saved. */
export class PresetPicker {
  readonly element: HTMLElement;
  readonly #choices = element("div", { role: "radiogroup", attributes: { "aria-labelledby": "preset-title" } });
  readonly #state = element("p", { class: "quiet", role: "status", testId: "preset-state" });
  #presets: PresetChoice[] = [];
  #shown = "";

  constructor(
    private readonly onChoose: (preset: PresetChoice) => void,
    private readonly post: (message: FromPlan) => void,
  ) {
    this.#choices.classList.add("presets");
    this.element = element(
      "section",
      { class: "preset-section", attributes: { "aria-labelledby": "preset-title" } },
      element("h2", { id: "preset-title", text: t("Preset") }),
      this.#choices,
      this.#state,
      element(
        "div",
        { class: "links" },
        linkButton(t("Save settings…"), () => post({ type: "saveSettings" }), "save-settings"),
        linkButton(t("Export…"), () => post({ type: "exportSettings" }), "export-settings"),
        linkButton(t("Import…"), () => post({ type: "importSettings" }), "import-settings"),
      ),
    );
  }

  show(presets: PresetChoice[], form: PlanForm, changed: readonly (keyof PlanSettings)[]): void {
    this.#presets = presets;
    const key = presets.map(({ id }) => id).join("\n");
    if (key !== this.#shown) {
      this.#shown = key;
      this.#choices.replaceChildren(...presets.map((preset) => this.#choice(preset)));
    }
    for (const input of this.#choices.querySelectorAll("input")) input.checked = input.value === form.preset;
    this.showChanged(form, changed);
  }

  showChanged(form: PlanForm, changed: readonly (keyof PlanSettings)[]): void {
    this.#state.hidden = changed.length === 0;
    setText(this.#state, changed.length === 0 ? "" : t("{0}, changed", this.nameOf(form)));
  }

  nameOf({ preset }: PlanForm): string {
    const found = this.#presets.find(({ id }) => id === preset);
    return found === undefined ? presetName("standard") : nameOfPreset(found);
  }

  #choice(preset: PresetChoice): HTMLElement {
    const lineId = `preset-line-${this.#presets.indexOf(preset)}`;
    const input = element("input", {
      testId: `preset-${preset.id}`,
      attributes: { type: "radio", name: "preset", value: preset.id, "aria-describedby": lineId },
    });
    input.addEventListener("change", () => {
      // The settings may have been saved anew since.
      const now = this.#presets.find(({ id }) => id === preset.id);
      if (input.checked && now !== undefined) this.onChoose(now);
    });
    const label = element("label", { class: "check" }, input, element("span", { text: nameOfPreset(preset) }));
    const line = element("span", { class: "field-hint", id: lineId, text: presetLine(preset.id) });
    if (preset.savedName === null) return element("div", { class: "preset" }, label, line);
    return element("div", { class: "preset" }, label, line, this.#deleteButton(preset.id, preset.savedName));
  }

  #deleteButton(id: string, name: string): HTMLElement {
    const made = element(
      "button",
      {
        class: "icon-button",
        title: t("Delete these settings"),
        attributes: { type: "button", "aria-label": t("Delete the settings {0}", name) },
      },
      icon("trash"),
    );
    made.addEventListener("click", () => this.post({ type: "deletePreset", id }));
    return made;
  }
}

function nameOfPreset({ id, savedName }: PresetChoice): string {
  return savedName ?? presetName(id);
}

function presetName(id: string): string {
  switch (id) {
    case "quick":
      return t("Quick look");
    case "thorough":
      return t("Thorough");
    case "least-memory":
      return t("Least memory");
    default:
      return t("Standard");
  }
}

function presetLine(id: string): string {
  switch (id) {
    case "quick":
      return t("60 steps, to see whether it learns");
    case "standard":
      return t("One pass over the data");
    case "thorough":
      return t("Three passes, rank 32, ends when it gains no more");
    case "least-memory":
      return t("Rank 8, short sequences, one at a time, recomputed");
    default:
      return t("Saved in this workspace");
  }
}
