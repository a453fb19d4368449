import type { FormErrors, PlanForm } from "../../src/protocol/planForm";
import type { DatasetShare, FromRunPanel } from "../../src/protocol/webview";
import { element, icon, linkButton, setText } from "../dom";
import { count, fileName } from "../figures";
import { t } from "../texts";
import { textField } from "../toolkit";
import { FormField } from "./formField";

export type MixtureChange = Pick<PlanForm, "weight" | "mixture">;

interface Entry {
  path: string;
  weight: FormField;
  /** What of it is learned, said beside its name. */
  share: HTMLElement;
}

/** The data sets of a plan, each with its weight where there are several. */
export class DatasetList {
  readonly element: HTMLElement;
  readonly #list = element("ul", { class: "datasets", testId: "datasets" });
  readonly #hint = element("p", {
    class: "field-hint",
    text: t("Weight: how often a pass takes each row; 2 is twice, 0.5 takes half of them."),
    hidden: true,
  });
  readonly #effect = element("p", { class: "field-effect", role: "status", testId: "weights-effect", hidden: true });
  #entries: Entry[] = [];
  #form: MixtureChange = { weight: 1, mixture: [] };

  constructor(
    private readonly dataset: string,
    private readonly post: (message: FromRunPanel) => void,
    private readonly onChange: (change: MixtureChange) => void,
  ) {
    const add = linkButton(t("Add data set…"), () => post({ type: "addDataset" }), "add-dataset");
    this.element = element("div", { class: "dataset-list" }, this.#list, this.#hint, this.#effect, add);
    this.#build();
  }

  showForm(form: PlanForm): void {
    const { weight, mixture } = form;
    const weights = [weight, ...mixture.map((mixed) => mixed.weight)];
    this.#form = { weight, mixture };
    if (this.#paths().join("\n") !== this.#entries.map(({ path }) => path).join("\n")) this.#build();
    for (const [index, { weight: field }] of this.#entries.entries()) {
      const value = weights[index]!;
      if (!Object.is(numberIn(field), value)) field.field.setValue(String(value));
    }
    const shown = mixture.length > 0 || weight !== 1;
    this.#hint.hidden = !shown;
    for (const entry of this.#entries) entry.weight.element.hidden = !shown;
  }

  showErrors(errors: FormErrors): void {
    const [first, ...more] = this.#entries;
    first?.weight.setError(errors.weight);
    // The host says that one of them is wrong; which, the values say.
    for (const { weight } of more) weight.setError(isWeight(numberIn(weight)) ? undefined : errors.mixture);
  }

  /** What the weights change in the forecast. */
  showEffect(effect: string | null): void {
    setText(this.#effect, effect ?? "");
    this.#effect.hidden = effect === null;
  }

  showShares(shares: readonly DatasetShare[]): void {
    for (const [index, { share, path }] of this.#entries.entries()) {
      const known = shares[index];
      const told = this.#entries.length > 1 && known?.path === path;
      setText(share, told ? shareText(known) : "");
    }
  }

  #paths(): string[] {
    return [this.dataset, ...this.#form.mixture.map(({ path }) => path)];
  }

  #build(): void {
    this.#entries = this.#paths().map((path) => this.#entry(path));
    this.#list.replaceChildren(...this.#entries.map((entry, index) => this.#item(entry, index)));
  }

  #entry(path: string): Entry {
    const field = textField("1", () => this.#changed());
    const weight = new FormField(field, { label: t("Weight"), testId: `weight-${fileName(path)}` });
    weight.element.addEventListener("focusin", () => this.post({ type: "effectOf", field: "mixture" }));
    return { path, weight, share: element("span", { class: "quiet share", testId: `share-${fileName(path)}` }) };
  }

  #item({ path, weight, share }: Entry, index: number): HTMLElement {
    const name = fileName(path);
    const open = () => this.post({ type: "openDataset", dataset: index });
    return element(
      "li",
      {},
      element(
        "div",
        { class: "dataset-name" },
        element(
          "p",
          { class: "path" },
          linkButton(name, open, index === 0 ? "open-dataset" : `open-${name}`),
          element("span", { class: "quiet", text: path.slice(0, -name.length), title: path }),
        ),
        share,
      ),
      weight.element,
      index === 0 ? null : this.#removeButton(path),
    );
  }

  #removeButton(path: string): HTMLElement {
    const label = t("Leave {0} out", fileName(path));
    const made = element(
      "button",
      { class: "icon-button", title: label, attributes: { type: "button", "aria-label": label } },
      icon("close"),
    );
    made.addEventListener("click", () => {
      const mixture = this.#form.mixture.filter((mixed) => mixed.path !== path);
      this.onChange({ mixture, weight: mixture.length === 0 ? 1 : this.#form.weight });
    });
    return made;
  }

  #changed(): void {
    const [weight = 1, ...more] = this.#entries.map((entry) => numberIn(entry.weight));
    const mixture = this.#form.mixture.map((mixed, index) => ({ ...mixed, weight: more[index] ?? mixed.weight }));
    this.onChange({ weight, mixture });
  }
}

function numberIn({ field }: FormField): number {
  const written = field.value().trim();
  return written === "" ? Number.NaN : Number(written);
}

/** As the run's own ranges have it; the host has the last word. */
function isWeight(value: number): boolean {
  return value >= 0.01 && value <= 100;
}

function shareText({ trainRows, evalRows }: DatasetShare): string {
  return t("{0} rows to learn, {1} held out", count(trainRows), count(evalRows));
}
