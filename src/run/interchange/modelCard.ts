import { basename } from "node:path";
import type { DataManifest, RunSpec } from "../../protocol/run";
import type { RunHistory } from "../runHistory";
import type { RunNotes } from "../runNotes";
import type { RunHead } from "../runState";

/** Of data/manifest.json, what a model card tells. */
export type CardData = Pick<DataManifest, "template" | "train" | "eval"> & {
  sources: Pick<DataManifest["sources"][number], "path" | "format" | "rows" | "used">[];
};

export interface CardContent {
  spec: RunSpec;
  head: RunHead;
  history: Readonly<Pick<RunHistory, "start" | "plan" | "end">>;
  notes: Readonly<RunNotes>;
  /** Undefined: the data were never prepared. */
  data: CardData | undefined;
  /** Paths inside the folder that the card lies in, `/` between their parts. */
  files: readonly { path: string; bytes: number }[];
}

/** README.md of an exported run, for people; models' hubs read the lines at its head. */
export function modelCard({ spec, head, history, notes, data, files }: CardContent): string {
  const has = (path: string) => files.some((file) => file.path === path || file.path.startsWith(`${path}/`));
  const sections = [
    "---\nlibrary_name: peft\ntags:\n  - lora\n  - tunesmith\n---",
    `# ${plain(head.name)}`,
    introduction(spec, head, history),
    ...notesText(notes),
    `## Figures\n\n${table(["Figure", "Value"], figures(head, history))}`,
    `## Data\n\n${dataText(spec, data)}`,
    `## Settings\n\n${table(["Setting", "Value"], settings(spec))}`,
  ];
  if (has("adapter")) sections.push(`## Use\n\n${usage(spec)}`);
  if (has("tensorboard")) {
    sections.push("## Curves\n\n```sh\ntensorboard --logdir tensorboard\n```");
  }
  const rows = files.map(({ path, bytes }): [string, string] => [path, bytesText(bytes)]);
  sections.push(`## Files\n\n${table(["File", "Size"], rows)}`);
  return `${sections.join("\n\n")}\n`;
}

function introduction(spec: RunSpec, head: RunHead, { start }: CardContent["history"]): string {
  const engine = start === undefined ? "" : ` ${plain(start.engine)}`;
  const what = `A LoRA adapter for ${plain(basename(spec.model.path))}, fine-tuned on ${plain(basename(spec.dataset.path))} with Tunesmith${engine}.`;
  return `${what} ${stateText(head)}`;
}

function stateText({ state, cause, step, totalSteps }: RunHead): string {
  const where = `step ${grouped(step)} of ${grouped(totalSteps)}`;
  switch (state) {
    case "finished":
      return `The run finished after ${grouped(step)} steps.`;
    case "stopped":
      return `The run was stopped at ${where}.`;
    case "failed":
      return `The run failed: ${plain(cause ?? "the cause is not known.")}`;
    case "running":
    case "paused":
      return `The run was still going on when this was written, at ${where}.`;
    case "queued":
    case "preparing":
      return "The run had not begun to train when this was written.";
  }
}

function notesText({ notes, tags }: RunNotes): string[] {
  const text = notes.trim();
  return [
    ...(tags.length === 0 ? [] : [`Tags: ${tags.map(plain).join(", ")}.`]),
    ...(text === "" ? [] : [`## Notes\n\n${text.split("\n").map(plain).join("\n")}`]),
  ];
}

function figures(head: RunHead, { end, plan }: CardContent["history"]): [string, string][] {
  const rows: [string, string | null][] = [
    ["Held-out loss before training", lossText(head.evalLossBefore)],
    ["Held-out loss", lossText(head.evalLoss)],
    ["Training loss of the last step", lossText(head.loss)],
    ["Steps", `${grouped(head.step)} of ${grouped(head.totalSteps)}`],
    ["Tokens trained on", end?.type === "done" ? grouped(end.tokens) : null],
    ["Time in training steps", end?.type === "done" ? `${end.seconds.toFixed(1)} s` : null],
    ["Tokens per second", head.tokensPerSecond === null ? null : grouped(head.tokensPerSecond)],
    ["Trained parameters", plan === undefined ? null : grouped(plan.trainableParameters)],
    ["Parameters in all", plan === undefined ? null : grouped(plan.parameters)],
    ["Memory", head.memory === null ? null : bytesText(head.memory.used ?? head.memory.forecast)],
    ["Device", head.deviceName ?? head.device],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== null);
}

/** Nats a token, and the perplexity it means. */
function lossText(loss: number | null): string | null {
  return loss === null ? null : `${loss.toFixed(4)} (perplexity ${Math.exp(loss).toPrecision(4)})`;
}

function dataText(spec: RunSpec, data: CardData | undefined): string {
  if (data === undefined) return `${plain(basename(spec.dataset.path))}; the data were not prepared.`;
  const sources = data.sources.map(({ path, format, rows, used }) => [
    basename(path),
    format,
    grouped(rows),
    grouped(used),
  ]);
  const splits = ([part, { rows, sequences, tokens, targets }]: [string, CardData["train"]]) =>
    [part, rows, sequences, tokens, targets].map((value) => (typeof value === "number" ? grouped(value) : value));
  return [
    table(["Source", "Format", "Rows", "Used"], sources),
    table(
      ["Part", "Rows", "Sequences", "Tokens", "Tokens in the loss"],
      [splits(["Training", data.train]), splits(["Held out", data.eval])],
    ),
    `Template: ${plain(data.template)}.`,
  ].join("\n\n");
}

/** Told elsewhere in the card, or of this machine alone. */
const NOT_SETTINGS = new Set(["version", "id", "name", "createdAt", "model.path", "dataset.path", "device", "threads"]);

/** Every leaf of run.json by its dotted name, so that a field that comes later is told too. */
function settings(spec: RunSpec): [string, string][] {
  const rows: [string, string][] = [];
  const walk = (value: unknown, name: string) => {
    if (NOT_SETTINGS.has(name) || value === undefined) return;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, part] of Object.entries(value)) walk(part, name === "" ? key : `${name}.${key}`);
      return;
    }
    if (name.endsWith(".path")) rows.push([name, basename(String(value))]);
    else rows.push([name, Array.isArray(value) ? value.join(", ") : value === null ? "–" : String(value)]);
  };
  walk(spec, "");
  return rows;
}

function usage(spec: RunSpec): string {
  // In a block of code nothing is marked up; a fence within the name would end it.
  const base = basename(spec.model.path).replace(/[^\w.-]+/g, "-");
  return [
    "`adapter/` is in the format of Hugging Face's PEFT:",
    "",
    "```python",
    "from peft import PeftModel",
    "from transformers import AutoModelForCausalLM",
    "",
    `base = AutoModelForCausalLM.from_pretrained("${base}")  # the base model's folder`,
    'model = PeftModel.from_pretrained(base, "adapter")',
    "```",
    "",
    "`contract.json` says how prompts must be written. `run.json` and the adapter's configuration name the base model by the path it had on the machine of the run.",
  ].join("\n");
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(" | ")} |`;
  return [line(heads), `|${" --- |".repeat(heads.length)}`, ...rows.map(line)].join("\n");
}

/** Names come from anywhere: nothing in them is Markdown or HTML, and no direction of writing is turned. */
function plain(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu, " ")
    .replace(/[\\`*_[\]|~#!$]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function bytesText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${bytes} bytes` : `${value.toFixed(1)} ${units[unit]}`;
}
