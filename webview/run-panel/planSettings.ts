import type { FormField as FieldName, FormErrors, FurtherSettings, PlanForm } from "../../src/protocol/planForm";
import type { FromPlan } from "../../src/protocol/planView";
import { element, linkButton } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { type Choice, dropdown, type Field, textField } from "../toolkit";
import { FormField } from "./formField";
import { automaticField, flagField, manyField, pathField } from "./planInputs";

/** One setting: its field, and the field's text as a part of the form and back. */
interface Setting {
  name: FieldName;
  field: FormField;
  write(form: PlanForm): string;
  read(text: string): Partial<PlanForm>;
  /** It means something with the rest of the form as it is. */
  counts(form: PlanForm): boolean;
}

type NumberName = { [K in FieldName]: PlanForm[K] extends number ? K : never }[FieldName];
type AutoName = "evalEvery" | "checkpointEvery" | "microBatch" | "memoryLimit";
type FlagName = { [K in FieldName]: PlanForm[K] extends boolean ? K : never }[FieldName];
type TextName = "name" | "schedule" | "length" | "completionFrom" | "heldOut" | "quantization" | "recompute" | "device";

const targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;
const always = () => true;
/** What stands in a field that holds no number gives NaN, and the answer says what it may be. */
const numberIn = (text: string) => (text.trim() === "" ? Number.NaN : Number(text));

/** All that a person can set beyond model, data and preset, by group. */
export class PlanSettingsSection {
  readonly element: HTMLDetailsElement;
  readonly #settings: Setting[] = [];
  readonly #further = element("p", { class: "quiet further", hidden: true, testId: "further" });

  constructor(
    /** A field was changed. */
    private readonly onChange: (name: FieldName) => void,
    private readonly post: (message: FromPlan) => void,
    private readonly onLeaveOut: () => void,
  ) {
    this.element = element(
      "details",
      { class: "more", testId: "more-settings" },
      element("summary", { text: t("More settings") }),
      group(t("Run"), this.#text("name", t("Name"), t("What the run and its model are called")), this.#seed()),
      group(t("Adapter"), ...this.#adapter()),
      group(t("Optimizer"), ...this.#optimizer()),
      group(t("Length and batches"), ...this.#length()),
      group(t("Completion"), ...this.#completion()),
      group(t("Evaluation and checkpoints"), ...this.#evaluation()),
      group(t("Memory and device"), ...this.#memory()),
      this.#further,
    );
  }

  /** What stands in the fields, over the rest of `form`. */
  read(form: PlanForm): PlanForm {
    return Object.assign({ ...form }, ...this.#settings.map(({ field, read }) => read(field.field.value())));
  }

  /** A field that says the same already is left as it was typed. */
  show(form: PlanForm): void {
    for (const { name, field, read, write } of this.#settings) {
      const typed = read(field.field.value())[name];
      if (JSON.stringify(typed) !== JSON.stringify(form[name])) field.field.setValue(write(form));
    }
    this.#showFurther(form);
    this.showWhatCounts(form);
  }

  /** What has no field here must not act unseen. */
  #showFurther({ further }: PlanForm): void {
    this.#further.hidden = further === null;
    if (further === null) return;
    this.#further.replaceChildren(
      element("span", { text: furtherText(further) }),
      " ",
      linkButton(t("Leave this out"), this.onLeaveOut, "leave-out-further"),
    );
  }

  showWhatCounts(form: PlanForm): void {
    for (const { field, counts } of this.#settings) field.element.hidden = !counts(form);
  }

  /** True where one of the fields here is wrong. */
  showErrors(errors: FormErrors): boolean {
    for (const { name, field } of this.#settings) field.setError(errors[name]);
    return this.#settings.some(({ name }) => errors[name] !== undefined);
  }

  showEffect(name: FieldName, effect: string | null): void {
    this.#settings.find((setting) => setting.name === name)?.field.setEffect(effect);
  }

  forgetEffects(): void {
    for (const { field } of this.#settings) field.setEffect(null);
  }

  #seed(): FormField {
    return this.#number("seed", t("Seed"), t("The same seed gives the same run"));
  }

  #adapter(): FormField[] {
    const tuned = this.#add(
      "targets",
      manyField(targets, () => this.onChange("targets")),
      {
        label: t("Tuned projections"),
        hint: t("The matrices of each layer that get an adapter"),
        write: (form) => form.targets.join(","),
        read: (text) => ({ targets: targets.filter((target) => text.split(",").includes(target)) }),
      },
    );
    tuned.element.classList.add("all-columns");
    return [
      this.#number("rank", t("Rank"), t("How much the adapter can learn")),
      this.#number("alpha", t("Alpha"), t("How strongly the adapter acts; twice the rank is usual")),
      this.#number("dropout", t("Dropout"), t("Share of its inputs that the adapter learns without; 0: none")),
      this.#flag("rankStabilised", t("Rank-stabilised scaling"), t("Scales by the rank's root: for ranks above 64")),
      tuned,
    ];
  }

  #optimizer(): FormField[] {
    return [
      this.#number("learningRate", t("Learning rate"), t("How far a step goes")),
      this.#choice("schedule", t("Schedule"), t("How the learning rate falls after the warm-up"), [
        { value: "cosine", label: t("Cosine") },
        { value: "linear", label: t("Linear") },
        { value: "constant", label: t("Constant") },
      ]),
      this.#number("warmupSteps", t("Warm-up steps"), t("Steps until the full learning rate")),
      this.#number("weightDecay", t("Weight decay"), t("Pulls the adapter's weights towards 0")),
      this.#number("clipNorm", t("Gradient clipping"), t("The longest gradient that is taken as it is; 0: off")),
    ];
  }

  #length(): FormField[] {
    const lengths = [
      { value: "epochs", label: t("Passes over the data") },
      { value: "steps", label: t("Steps") },
    ];
    return [
      this.#choice("length", t("Length"), t("What says when the run is done"), lengths),
      this.#number(
        "epochs",
        t("Passes over the data"),
        t("How often each row is learned from"),
        (form) => form.length === "epochs",
      ),
      this.#number("steps", t("Steps"), t("How often the adapter is changed"), (form) => form.length === "steps"),
      this.#number("sequencesPerStep", t("Sequences per step"), t("How much is read before each step")),
      this.#number("sequenceLength", t("Sequence length"), t("Tokens; a longer row cannot be used")),
      this.#flag(
        "packing",
        t("Packing"),
        t("Short rows share a sequence; off: a step has a known number of rows; slower"),
      ),
    ];
  }

  #completion(): FormField[] {
    const mixes = (form: PlanForm) => form.completionPercent !== 0;
    const from = this.#choice(
      "completionFrom",
      t("Completion learned from"),
      t("Gaps are cut into this code, and filled in"),
      [
        { value: "answers", label: t("The rows' answers") },
        { value: "folder", label: t("Python files") },
        { value: "both", label: t("Answers and Python files") },
      ],
      mixes,
    );
    const folder = this.#add(
      "completionFolder",
      pathField(() => this.post({ type: "chooseCompletionFolder" })),
      {
        label: t("Folder of Python files"),
        hint: t("Samples are cut from the files in it and below it"),
        write: (form) => form.completionFolder,
        read: (text) => ({ completionFolder: text }),
        counts: (form) => mixes(form) && form.completionFrom !== "answers",
      },
    );
    const share = this.#number(
      "completionPercent",
      t("Share for completion, percent"),
      t("Of what is learned, to complete code as you type; 0: none"),
    );
    return [share, from, folder];
  }

  #evaluation(): FormField[] {
    const sides = [
      { value: "fraction", label: t("A share of the rows") },
      { value: "file", label: t("A file of their own") },
      { value: "none", label: t("None") },
    ];
    const file = this.#add(
      "heldOutPath",
      pathField(() => this.post({ type: "chooseHeldOut" })),
      {
        label: t("Held-out file"),
        hint: t("Its rows are measured with, never learned"),
        write: (form) => form.heldOutPath,
        read: (text) => ({ heldOutPath: text }),
        counts: (form) => form.heldOut === "file",
      },
    );
    const stops = (form: PlanForm) => form.earlyStopping;
    return [
      this.#choice("heldOut", t("Held-out rows"), t("Kept back to measure what was learned"), sides),
      this.#number(
        "heldOutPercent",
        t("Held-out share, percent"),
        t("The rest is learned from"),
        (form) => form.heldOut === "fraction",
      ),
      file,
      this.#auto("evalEvery", t("Evaluate every"), t("Steps; 0: before and after only"), t("ten to twenty times")),
      this.#auto("checkpointEvery", t("Checkpoint every"), t("Steps; 0: at the end only"), t("ten to twenty times")),
      this.#number("keepCheckpoints", t("Checkpoints kept"), t("The latest; the best one is kept besides")),
      this.#flag("earlyStopping", t("Early stopping"), t("Ends when the held-out loss falls no further")),
      this.#number("patience", t("Early stopping after"), t("Evaluations without a gain"), stops),
      this.#number("minDelta", t("Smallest gain"), t("A smaller fall of the held-out loss is none"), stops),
    ];
  }

  #memory(): FormField[] {
    return [
      this.#choice("device", t("Device"), t("Where the run computes"), [
        { value: "auto", label: t("Automatic") },
        { value: "cuda", label: t("GPU") },
        { value: "cpu", label: t("CPU") },
      ]),
      this.#choice(
        "quantization",
        t("Weights of the base model"),
        t("4 bits take a quarter of the memory, on a GPU only"),
        [
          { value: "none", label: t("As they are") },
          { value: "nf4", label: t("4 bits (NF4)") },
        ],
      ),
      this.#choice("recompute", t("Recompute"), t("Computes again what it would keep in memory: slower, smaller"), [
        { value: "auto", label: t("Automatic") },
        { value: "none", label: t("Nothing") },
        { value: "gate-up", label: t("Gate and up") },
        { value: "block", label: t("Whole blocks") },
      ]),
      this.#auto(
        "microBatch",
        t("Sequences computed at once"),
        t("Fewer take less memory and more time"),
        t("as many as fit"),
      ),
      this.#auto("memoryLimit", t("Memory limit"), t("GB that the run may take"), t("what is free")),
    ];
  }

  #text(name: "name", label: string, hint: string): FormField {
    return this.#add(
      name,
      textField("", () => this.onChange(name)),
      {
        label,
        hint,
        write: (form) => form[name],
        read: (text) => ({ [name]: text }),
      },
    );
  }

  #number(name: NumberName, label: string, hint: string, counts: Setting["counts"] = always): FormField {
    return this.#add(
      name,
      textField("", () => this.onChange(name)),
      {
        label,
        hint,
        write: (form) => String(form[name]),
        read: (text) => ({ [name]: numberIn(text) }),
        counts,
      },
    );
  }

  #auto(name: AutoName, label: string, hint: string, meaning: string): FormField {
    return this.#add(
      name,
      automaticField(meaning, () => this.onChange(name)),
      {
        label,
        hint,
        write: (form) => (form[name] === "auto" ? "" : String(form[name])),
        read: (text) => ({ [name]: text.trim() === "" ? "auto" : Number(text) }),
      },
    );
  }

  #flag(name: FlagName, label: string, hint: string): FormField {
    return this.#add(
      name,
      flagField(label, () => this.onChange(name)),
      {
        label,
        hint,
        silentLabel: true,
        write: (form) => String(form[name]),
        read: (text) => ({ [name]: text === "true" }),
      },
    );
  }

  #choice(
    name: TextName,
    label: string,
    hint: string,
    choices: Choice[],
    counts: Setting["counts"] = always,
  ): FormField {
    return this.#add(
      name,
      dropdown(choices, choices[0]!.value, () => this.onChange(name)),
      {
        label,
        hint,
        write: (form) => form[name],
        // The values are those of `choices`, and what comes to the host is checked there.
        read: (text) => ({ [name]: text }),
        counts,
      },
    );
  }

  #add(
    name: FieldName,
    field: Field,
    options: { label: string; hint?: string; silentLabel?: boolean } & Pick<Setting, "write" | "read"> &
      Partial<Pick<Setting, "counts">>,
  ): FormField {
    const { label, hint, silentLabel = false, write, read, counts = always } = options;
    const made = new FormField(field, {
      label,
      silentLabel,
      testId: `field-${name}`,
      ...(hint === undefined ? {} : { hint }),
    });
    made.element.addEventListener("focusin", () => this.post({ type: "effectOf", field: name }));
    this.#settings.push({ name, field: made, write, read, counts });
    return made;
  }
}

function group(title: string, ...fields: FormField[]): HTMLElement {
  return element(
    "fieldset",
    {},
    element("legend", { text: title }),
    element("div", { class: "fields" }, ...fields.map((field) => field.element)),
  );
}

function furtherText(further: FurtherSettings): string {
  const { format, fields, template, heldOutBy, maxTrainRows, maxEvalRows, beta1, beta2, epsilon } = further;
  const named = Object.entries(fields ?? {}).map(([part, field]) => `${part}: ${field}`);
  const parts = [
    format === "auto" ? null : t("format {0}", format),
    named.length === 0 ? null : t("fields {0}", named.join("; ")),
    template === "auto" ? null : t("template {0}", template),
    maxTrainRows === null ? null : t("at most {0} rows to learn", count(maxTrainRows)),
    maxEvalRows === null ? null : t("at most {0} rows held out", count(maxEvalRows)),
    heldOutBy === "auto" ? null : t("held out by {0}", heldOutBy),
    t("Adam's betas {0} and {1}, epsilon {2}", beta1, beta2, epsilon),
  ];
  return t("Also as in the run before: {0}.", parts.filter((part) => part !== null).join(", "));
}
