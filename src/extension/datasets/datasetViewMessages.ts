/** What the page, the job and the language server send to the data set view is input: checked before it is acted upon. */
import * as v from "valibot";
import type { DatasetReport, DatasetViewState, FromDatasetView, RowPreviewResult } from "../../protocol/datasetView";

const MAX_TEXT = 4096;
const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const row = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const count = v.pipe(v.number(), v.minValue(0));

const bare = <const T extends string>(type: T) => v.object({ type: v.literal(type) });

const fromDatasetView = v.variant("type", [
  bare("ready"),
  bare("refresh"),
  bare("cancel"),
  bare("fineTune"),
  bare("validate"),
  v.object({ type: v.literal("showRow"), row }),
  v.object({ type: v.literal("openRow"), row }),
  // It becomes part of a path.
  v.object({ type: v.literal("openCheck"), check: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/)) }),
  bare("openDataset"),
  bare("setTokenizer"),
]);

const spread = v.object({
  rows: count,
  total: count,
  mean: count,
  min: count,
  max: count,
  p5: count,
  p25: count,
  p50: count,
  p75: count,
  p95: count,
  p99: count,
  histogram: v.array(v.object({ from: count, to: count, rows: count })),
});

const namedCount = v.object({ name: v.string(), rows: count });

const report = v.object({
  path: v.string(),
  bytes: count,
  modified: v.number(),
  format: v.nullable(v.string()),
  rows: count,
  usable: count,
  checks: v.picklist(["all", "structure"]),
  sequenceLength: v.nullable(count),
  beyond: v.nullable(count),
  unit: v.picklist(["tokens", "characters"]),
  length: spread,
  promptLength: spread,
  answerLength: spread,
  problems: v.array(
    v.object({
      check: v.string(),
      title: v.string(),
      severity: v.picklist(["error", "warning", "information"]),
      problems: count,
      rows: count,
    }),
  ),
  languages: v.array(namedCount),
  tasks: v.array(namedCount),
  moreTasks: count,
  split: v.nullable(v.object({ train: count, heldOut: count })),
  heldOutFile: v.nullable(v.string()),
  duplicates: v.object({
    exact: count,
    near: v.nullable(count),
    conflicting: v.nullable(count),
    leaked: count,
  }),
  notCompared: count,
  sample: v.array(
    v.object({
      row,
      offset: count,
      skip: count,
      title: v.string(),
      length: v.nullable(count),
      language: v.nullable(v.string()),
      task: v.nullable(v.string()),
      heldOut: v.nullable(v.boolean()),
      problems: v.array(v.object({ check: v.string(), message: v.string() })),
    }),
  ),
});

const piece = v.object({ text: v.string(), ids: v.array(count) });

const rowPreviewResult = v.variant("state", [
  v.object({
    state: v.literal("ready"),
    preview: v.object({
      segments: v.array(
        v.object({
          text: v.string(),
          learned: v.boolean(),
          control: v.boolean(),
          pieces: v.nullable(v.array(piece)),
        }),
      ),
      tokens: v.nullable(v.object({ total: count, prompt: count, response: count })),
      leftOut: count,
    }),
  }),
  v.object({ state: v.literal("unreadable"), message: v.string(), source: v.string() }),
]);

const viewState = v.object({ dataset: text });

export function parseFromDatasetView(value: unknown): FromDatasetView | undefined {
  const parsed = v.safeParse(fromDatasetView, value);
  return parsed.success ? parsed.output : undefined;
}

/** What a page left for its next life. */
export function parseDatasetViewState(value: unknown): DatasetViewState | undefined {
  const parsed = v.safeParse(viewState, value);
  return parsed.success ? parsed.output : undefined;
}

/** The result of the job `dataset statistics`. */
export function parseDatasetReport(value: unknown): DatasetReport {
  return v.parse(report, value);
}

export function parseRowPreview(value: unknown): RowPreviewResult {
  return v.parse(rowPreviewResult, value);
}
