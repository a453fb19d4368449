/** What a webview sends is input like any other: checked before it is acted upon. */
import * as v from "valibot";
import type { DataSummary, FromNowView, FromRunPanel, PlanForm, RunPanelState } from "../../protocol/webview";
import { fromEvaluation } from "./evaluationMessages";
import { fromForecast } from "./forecastMessages";
import { fromLiveView } from "./liveMessages";
import { fromNotices } from "./noticesMessages";
import { fromPlan, planForm } from "./planMessages";
import { fromRows } from "./rowsMessages";
import { fromSamples } from "./samplesMessages";

const MAX_TEXT = 4096;
const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const bare = <const T extends string>(type: T) => v.object({ type: v.literal(type) });
const about = <const T extends string>(type: T) => v.object({ type: v.literal(type), id: text });

const look = v.object({ smoothing: v.number(), logarithmic: v.boolean() });
const datasetIndex = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64));
const fromRunPanel = v.variant("type", [
  ...fromPlan,
  ...fromEvaluation,
  ...fromForecast,
  bare("ready"),
  v.object({ type: v.literal("look"), look }),
  v.object({ type: v.literal("formChanged"), form: planForm }),
  v.object({ type: v.literal("start"), form: planForm }),
  bare("cancelStart"),
  bare("stop"),
  bare("endEngine"),
  bare("resume"),
  bare("useForCompletion"),
  bare("cancelExport"),
  bare("stopUsing"),
  bare("showLog"),
  v.object({
    type: v.literal("openRow"),
    row: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    dataset: v.exactOptional(datasetIndex),
  }),
  v.object({ type: v.literal("openDataset"), dataset: v.exactOptional(datasetIndex) }),
  bare("runAgain"),
  bare("chooseModel"),
  ...fromLiveView,
  ...fromNotices,
  ...fromSamples,
  ...fromRows,
]);

const fromNowView = v.variant("type", [
  bare("ready"),
  about("stop"),
  about("pause"),
  about("continue"),
  about("resume"),
  about("openRun"),
  about("useForCompletion"),
  bare("fineTune"),
  bare("manageTrust"),
  bare("openFolder"),
  bare("howToStart"),
]);

const panelState = v.variant("kind", [
  v.object({
    kind: v.literal("plan"),
    dataset: text,
    form: v.nullable(planForm),
    keptAt: v.exactOptional(v.pipe(v.number(), v.finite())),
  }),
  // How its page was left is the page's own business but for its look, which an earlier version may have kept otherwise.
  v.object({ kind: v.literal("run"), id: text, curves: v.fallback(v.optional(look), undefined) }),
]);

const choice = v.object({ format: v.string(), fields: v.record(v.string(), v.string()) });
const summary = v.object({
  path: v.string(),
  choice,
  format: v.nullable(v.string()),
  rows: v.number(),
  used: v.number(),
  skipped: v.number(),
  skippedByReason: v.record(v.string(), v.number()),
  tokens: v.number(),
  trainRows: v.number(),
  trainTokens: v.number(),
  trainTargets: v.number(),
  documentTokens: v.number(),
  packed: v.object({ sequenceLength: v.number(), packing: v.boolean(), train: v.number(), longest: v.number() }),
  rowTokens: v.object({ prompt: v.number(), answer: v.number() }),
  evalRows: v.number(),
  evalTokens: v.number(),
  completionSamples: v.number(),
  completionTokens: v.number(),
  datasets: v.array(
    v.object({
      path: v.string(),
      choice,
      format: v.nullable(v.string()),
      weight: v.nullable(v.number()),
      rows: v.number(),
      used: v.number(),
      skipped: v.number(),
      trainRows: v.number(),
      evalRows: v.number(),
      tokens: v.number(),
    }),
  ),
  problems: v.array(v.object({ dataset: v.number(), row: v.number(), reason: v.string(), message: v.string() })),
  preview: v.array(v.object({ text: v.string(), learned: v.boolean() })),
});

function parse<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T | undefined {
  const parsed = v.safeParse(schema, value);
  return parsed.success ? parsed.output : undefined;
}

export function parseFromRunPanel(value: unknown): FromRunPanel | undefined {
  return parse(fromRunPanel, value);
}

export function parseFromNowView(value: unknown): FromNowView | undefined {
  return parse(fromNowView, value);
}

/** What a panel left for its next life. */
export function parsePanelState(value: unknown): RunPanelState | undefined {
  return parse(panelState, value);
}

export function parseForm(value: unknown): PlanForm | undefined {
  return parse(planForm, value);
}

/** The result of the job `summarize`. */
export function parseSummary(value: unknown): DataSummary {
  return v.parse(summary, value);
}
