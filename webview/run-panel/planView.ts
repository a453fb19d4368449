import type {
  DataSummary,
  FormErrors,
  FromRunPanel,
  PlanForm,
  RunPanelState,
  ToRunPanel,
} from "../../src/protocol/webview";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { compact, fileName } from "../figures";
import { t } from "../texts";
import { type Button, button, dropdown, progressRing, textField } from "../toolkit";
import { DataSection } from "./dataSection";
import { ForecastSection } from "./forecastSection";
import { FormField } from "./formField";

type Plan = Extract<ToRunPanel, { type: "plan" }>;
type PlanMessage = Extract<
  ToRunPanel,
  { type: "formErrors" | "data" | "forecast" | "measuring" | "starting" | "startFailed" }
>;
type NumberName = { [K in keyof PlanForm]: PlanForm[K] extends number ? K : never }[keyof PlanForm];

interface Connection {
  post(message: FromRunPanel): void;
  keep(state: RunPanelState): void;
}

/** What will be learned from what, with what: one page, one thing to do. */
export class PlanView {
  readonly element: HTMLElement;
  readonly dataset: string;
  readonly #data: DataSection;
  readonly #forecast: ForecastSection;
  readonly #preview = element("div", { class: "preview" });
  readonly #modelPlace = element("div");
  readonly #fields = new Map<keyof PlanForm, FormField>();
  readonly #more: HTMLDetailsElement;
  readonly #start: Button;
  readonly #message = element("div", { class: "start-message" });
  readonly #live = liveRegion();
  #form: PlanForm;
  #errors: FormErrors = {};
  #usable: boolean | null = null;
  #starting = false;

  constructor(
    plan: Plan,
    private readonly connection: Connection,
  ) {
    this.dataset = plan.dataset;
    this.#form = plan.form;
    this.#data = new DataSection(plan.dataset, connection.post);
    this.#forecast = new ForecastSection(connection.post);
    this.#start = button(t("Start"), () => this.#onStart(), { primary: true, icon: "play", testId: "start" });
    this.#more = this.#moreSettings();
    this.element = element(
      "div",
      { class: "page plan", testId: "plan" },
      element(
        "header",
        {},
        element("h1", { text: t("Fine-tune on {0}", fileName(plan.dataset)) }),
        element("p", {
          class: "quiet",
          text: t("Everything runs on this machine. The run goes on when the window is closed."),
        }),
      ),
      element(
        "div",
        { class: "columns" },
        element("div", { class: "column" }, this.#modelSection(), this.#data.element, this.#more),
        element("div", { class: "column" }, this.#forecast.element, this.#previewSection()),
      ),
      element("footer", { class: "actions" }, this.#start.element, this.#message),
      this.#live,
    );
    this.setPlan(plan);
    this.#showPreview(null);
  }

  setPlan({ models, form, formErrors }: Plan): void {
    this.#form = form;
    this.#showModels(models);
    for (const [name, field] of this.#fields) {
      if (name !== "modelPath") field.field.setValue(String(form[name]));
    }
    this.#showErrors(formErrors);
  }

  receive(message: PlanMessage): void {
    switch (message.type) {
      case "formErrors":
        this.#showErrors(message.formErrors);
        return;
      case "data":
        this.#data.show(message);
        this.#usable = message.state === "loading" ? null : message.state === "ready" && message.summary.used > 0;
        if (message.state !== "loading") this.#showPreview(message.state === "ready" ? message.summary : "none");
        this.#forecast.setPossible(this.#usable !== false);
        this.#enable();
        return;
      case "forecast":
      case "measuring":
        this.#forecast.show(message);
        return;
      case "starting":
        this.#showStarting(message.stage, message.fraction);
        return;
      case "startFailed":
        this.#showStartFailed(message.message);
        return;
    }
  }

  dispose(): void {}

  #modelSection(): HTMLElement {
    return element(
      "section",
      { attributes: { "aria-labelledby": "model-title" } },
      element("h2", { id: "model-title", text: t("Base model") }),
      this.#modelPlace,
      linkButton(t("Choose another folder…"), () => this.connection.post({ type: "chooseModel" }), "choose-model"),
    );
  }

  #showModels(models: Plan["models"]): void {
    const choices = models.map(({ path, label, parameters }) => ({
      value: path,
      label: parameters === null ? label : t("{0} · {1} parameters", label, compact(parameters)),
    }));
    const field = new FormField(
      dropdown(choices, this.#form.modelPath, () => this.#changed()),
      { label: t("Base model"), silentLabel: true, testId: "model" },
    );
    this.#fields.set("modelPath", field);
    this.#modelPlace.replaceChildren(field.element);
  }

  #moreSettings(): HTMLDetailsElement {
    const number = (name: NumberName, label: string, hint: string) => this.#textField(name, label, hint);
    const schedules = [
      { value: "cosine", label: t("Cosine") },
      { value: "linear", label: t("Linear") },
      { value: "constant", label: t("Constant") },
    ];
    const schedule = new FormField(
      dropdown(schedules, this.#form.schedule, () => this.#changed()),
      { label: t("Schedule"), hint: t("How the learning rate falls after the warm-up"), testId: "field-schedule" },
    );
    this.#fields.set("schedule", schedule);
    const precisions = [
      { value: "none", label: t("As they are") },
      { value: "nf4", label: t("4 bits (NF4)") },
    ];
    const quantization = new FormField(
      dropdown(precisions, this.#form.quantization, () => this.#changed()),
      {
        label: t("Weights of the base model"),
        hint: t("4 bits take a quarter of the memory, on a GPU only"),
        testId: "field-quantization",
      },
    );
    this.#fields.set("quantization", quantization);
    const group = (title: string, ...fields: FormField[]) =>
      element(
        "fieldset",
        {},
        element("legend", { text: title }),
        element("div", { class: "fields" }, ...fields.map((field) => field.element)),
      );
    return element(
      "details",
      { class: "more", testId: "more-settings" },
      element("summary", { text: t("More settings") }),
      group(
        t("Run"),
        this.#textField("name", t("Name"), t("What the run and its model are called")),
        number("epochs", t("Passes over the data"), t("How often each row is learned from")),
        number(
          "heldOutPercent",
          t("Held-out share, percent"),
          t("Rows kept back to measure what was learned; 0: none"),
        ),
        number("seed", t("Seed"), t("The same seed gives the same run")),
      ),
      group(
        t("Adapter"),
        number("rank", t("Rank"), t("How much the adapter can learn")),
        number("alpha", t("Alpha"), t("How strongly the adapter acts; twice the rank is usual")),
        quantization,
      ),
      group(
        t("Learning"),
        number("learningRate", t("Learning rate"), t("How far a step goes")),
        schedule,
        number("warmupSteps", t("Warm-up steps"), t("Steps until the full learning rate")),
        number("sequenceLength", t("Sequence length"), t("Tokens; a longer row cannot be used")),
        number("sequencesPerStep", t("Sequences per step"), t("How much is read before each step")),
      ),
    );
  }

  #textField(name: NumberName | "name", label: string, hint: string): FormField {
    const field = new FormField(
      textField(String(this.#form[name]), () => this.#changed()),
      { label, hint, testId: `field-${name}` },
    );
    this.#fields.set(name, field);
    return field;
  }

  #previewSection(): HTMLElement {
    return element(
      "section",
      { class: "preview-section", attributes: { "aria-labelledby": "preview-title" } },
      element("h2", { id: "preview-title", text: t("First row, as the model sees it") }),
      this.#preview,
    );
  }

  #showPreview(summary: DataSummary | "none" | null): void {
    if (summary === null) {
      this.#preview.replaceChildren(element("div", { class: "skeleton block" }));
      return;
    }
    if (summary === "none" || summary.preview.length === 0) {
      this.#preview.replaceChildren(element("p", { class: "quiet", text: t("There is no row to show.") }));
      return;
    }
    const segments = summary.preview.map(({ text, learned }) =>
      element(learned ? "mark" : "span", { class: learned ? "learned" : "given", text }),
    );
    const key = element(
      "p",
      { class: "key" },
      element("span", { class: "given", text: t("given") }),
      element("mark", { class: "learned", text: t("learned") }),
    );
    this.#preview.replaceChildren(key, element("pre", { testId: "preview" }, ...segments));
  }

  #changed(): void {
    this.#form = this.#read();
    this.connection.keep({ kind: "plan", dataset: this.dataset, form: this.#form });
    this.connection.post({ type: "formChanged", form: this.#form });
  }

  /** What stands in the fields; a field that holds no number gives NaN, and the answer says what it may be. */
  #read(): PlanForm {
    const form: PlanForm = { ...this.#form };
    const text = (name: keyof PlanForm) => this.#fields.get(name)!.field.value();
    form.modelPath = text("modelPath");
    form.quantization = text("quantization") as PlanForm["quantization"];
    form.name = text("name");
    form.schedule = text("schedule") as PlanForm["schedule"];
    for (const name of numberNames) {
      const written = text(name).trim();
      form[name] = written === "" ? Number.NaN : Number(written);
    }
    return form;
  }

  #showErrors(errors: FormErrors): void {
    this.#errors = errors;
    for (const [name, field] of this.#fields) field.setError(errors[name]);
    // An error that is folded away would be a button that does nothing.
    const folded = Object.keys(errors).some((name) => name !== "modelPath");
    if (folded) this.#more.open = true;
    this.#enable();
  }

  #enable(): void {
    const wrong = Object.keys(this.#errors).length > 0;
    this.#start.setDisabled(this.#starting || wrong || this.#usable === false);
  }

  #onStart(): void {
    this.connection.post({ type: "start", form: this.#read() });
  }

  #showStarting(stage: string, fraction: number | null): void {
    this.#starting = true;
    this.#enable();
    const text = fraction === null ? stage : `${stage} ${Math.round(fraction * 100)} %`;
    const known = this.#message.querySelector<HTMLElement>(".stage");
    if (known !== null) setText(known, text);
    else {
      this.#message.replaceChildren(
        progressRing(),
        element("span", { class: "stage", text }),
        linkButton(t("Cancel"), () => this.connection.post({ type: "cancelStart" }), "cancel-start"),
      );
    }
    setText(this.#live, stage);
  }

  #showStartFailed(message: string): void {
    this.#starting = false;
    this.#enable();
    this.#message.replaceChildren(
      element(
        "p",
        { class: "message error", role: "alert", testId: "start-failed" },
        icon("error"),
        element("span", { text: message }),
      ),
    );
  }
}

const numberNames: readonly NumberName[] = [
  "rank",
  "alpha",
  "learningRate",
  "warmupSteps",
  "epochs",
  "sequenceLength",
  "sequencesPerStep",
  "heldOutPercent",
  "seed",
];
