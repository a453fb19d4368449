import type { FormField as FieldName, FormErrors, PlanForm, PresetChoice } from "../../src/protocol/planForm";
import type { FieldEffect } from "../../src/protocol/planView";
import type { DataSummary, FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { compact, fileName } from "../figures";
import { t } from "../texts";
import { type Button, button, dropdown, progressRing } from "../toolkit";
import { DataSection } from "./dataSection";
import { ForecastSection } from "./forecastSection";
import { FormField } from "./formField";
import { effectText } from "./planEffectText";
import { PlanSettingsSection } from "./planSettings";
import { PresetPicker } from "./presetPicker";

type Plan = Extract<ToRunPanel, { type: "plan" }>;
type PlanMessage = Extract<
  ToRunPanel,
  {
    type:
      | "formErrors"
      | "data"
      | "forecast"
      | "measuring"
      | "effect"
      | "turn"
      | "planFailed"
      | "starting"
      | "startFailed";
  }
>;

interface Connection {
  post(message: FromRunPanel): void;
  /** Over a reload of the window. */
  keep(dataset: string, form: PlanForm): void;
}

/** What will be learned from what, with what: one page, one thing to do. */
export class PlanView {
  readonly element: HTMLElement;
  readonly dataset: string;
  readonly #data: DataSection;
  readonly #forecast: ForecastSection;
  readonly #preview = element("div", { class: "preview" });
  readonly #modelPlace = element("div");
  readonly #settings: PlanSettingsSection;
  readonly #presets: PresetPicker;
  readonly #failure = element("p", { class: "message error", role: "alert", hidden: true, testId: "plan-failed" });
  #model: FormField | undefined;
  readonly #start: Button;
  readonly #message = element("div", { class: "start-message" });
  readonly #turn = element("span", { class: "quiet", role: "status", testId: "waits-for" });
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
    this.#data = new DataSection(plan.dataset, connection.post, (change) => {
      this.#change({ ...this.#read(), ...change }, "mixture");
      this.#data.showForm(this.#form);
    });
    this.#presets = new PresetPicker((preset) => this.#choose(preset), connection.post);
    this.#settings = new PlanSettingsSection(
      (name) => this.#onField(name),
      connection.post,
      () => {
        this.#change({ ...this.#read(), further: null }, null);
        this.#settings.show(this.#form);
      },
    );
    this.#forecast = new ForecastSection(connection.post);
    this.#start = button(t("Start"), () => this.#onStart(), { primary: true, icon: "play", testId: "start" });
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
        element(
          "div",
          { class: "column" },
          this.#modelSection(),
          this.#data.element,
          this.#presets.element,
          this.#failure,
          this.#settings.element,
        ),
        element("div", { class: "column" }, this.#forecast.element, this.#previewSection()),
      ),
      element("footer", { class: "actions" }, this.#start.element, this.#turn, this.#message),
      this.#live,
    );
    this.setPlan(plan);
    this.#showPreview(null);
  }

  setPlan({ models, presets, form, formErrors, changed }: Plan): void {
    this.#form = form;
    this.#showModels(models);
    this.#data.showForm(form);
    this.#settings.show(form);
    this.#presets.show(presets, form, changed);
    this.#failure.hidden = true;
    this.#showErrors(formErrors);
  }

  receive(message: PlanMessage): void {
    switch (message.type) {
      case "formErrors":
        this.#showErrors(message.formErrors);
        this.#presets.showChanged(this.#form, message.changed);
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
      case "effect":
        this.#showEffect(message.field, message.effect);
        return;
      case "turn":
        this.#showTurn(message.waitsFor);
        return;
      case "planFailed":
        this.#failure.replaceChildren(icon("error"), element("span", { text: message.message }));
        this.#failure.hidden = false;
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
      element(
        "div",
        { class: "links" },
        linkButton(t("Choose another folder…"), () => this.connection.post({ type: "chooseModel" }), "choose-model"),
        linkButton(t("Download Base Model…"), () => this.connection.post({ type: "downloadModel" }), "download-model"),
      ),
    );
  }

  #showModels(models: Plan["models"]): void {
    const choices = models.map(({ path, label, parameters }) => ({
      value: path,
      label: parameters === null ? label : t("{0} · {1} parameters", label, compact(parameters)),
    }));
    const field = new FormField(
      dropdown(choices, this.#form.modelPath, () => this.#onField("modelPath")),
      {
        label: t("Base model"),
        hint: t("What the adapter is learned for; its own files stay as they are"),
        silentLabel: true,
        testId: "model",
      },
    );
    field.element.addEventListener("focusin", () => this.connection.post({ type: "effectOf", field: "modelPath" }));
    this.#model = field;
    this.#modelPlace.replaceChildren(field.element);
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

  #onField(name: FieldName): void {
    const form = this.#read();
    this.#change(form, name);
    this.#settings.showWhatCounts(form);
    if (name === "heldOut" && form.heldOut === "file" && form.heldOutPath === "") {
      this.connection.post({ type: "chooseHeldOut" });
    }
  }

  #choose({ id, settings }: PresetChoice): void {
    this.#change({ ...this.#read(), ...settings, preset: id }, null);
    this.#settings.show(this.#form);
  }

  #change(form: PlanForm, field: FieldName | null): void {
    this.#form = form;
    this.#failure.hidden = true;
    this.#forgetEffects();
    this.connection.keep(this.dataset, form);
    this.connection.post({ type: "formChanged", form });
    if (field !== null) this.connection.post({ type: "effectOf", field });
  }

  #showEffect(name: FieldName, effect: FieldEffect | null): void {
    const text = effect === null ? null : effectText(effect, name, this.#presets.nameOf(this.#form));
    if (name === "modelPath") this.#model?.setEffect(text);
    else if (name === "mixture") this.#data.showEffect(text);
    else this.#settings.showEffect(name, text);
  }

  /** What was said is of a form that has changed since. */
  #forgetEffects(): void {
    this.#model?.setEffect(null);
    this.#data.showEffect(null);
    this.#settings.forgetEffects();
  }

  #read(): PlanForm {
    return this.#settings.read({ ...this.#form, modelPath: this.#model?.field.value() ?? this.#form.modelPath });
  }

  #showErrors(errors: FormErrors): void {
    this.#errors = errors;
    this.#model?.setError(errors.modelPath);
    this.#data.showErrors(errors);
    // An error that is folded away would be a button that does nothing.
    if (this.#settings.showErrors(errors)) this.#settings.element.open = true;
    this.#enable();
  }

  #showTurn(waitsFor: string | null): void {
    setText(this.#turn, waitsFor === null ? "" : t("Waits for {0}: Start puts it in the queue.", waitsFor));
    this.#forecast.setTurn(waitsFor);
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
