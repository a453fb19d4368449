/** Messages and job results of the run page's samples and Try it, checked. */
import * as v from "valibot";
import type { AskPart, AskResult, SampleReport } from "../../protocol/samplesView";

/** As src/run/samples.ts has it for what is pinned. */
const MAX_INSTRUCTION = 20_000;
const instruction = v.pipe(
  v.string(),
  v.maxLength(MAX_INSTRUCTION),
  // It is handed to a process as an argument, which holds no NUL.
  v.transform((text) => text.replaceAll("\0", "")),
  v.check((text) => text.trim() !== ""),
);

export const fromSamples = [
  v.object({ type: v.literal("addSample"), instruction }),
  v.object({ type: v.literal("removeSample"), id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/)) }),
  v.object({ type: v.literal("ask"), instruction }),
  v.object({ type: v.literal("stopAsking") }),
] as const;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const answer = v.object({ step: count, text: v.string(), tokens: count, ended: v.boolean() });

const report = v.object({
  samples: v.array(
    v.object({
      id: v.string(),
      instruction: v.string(),
      text: v.string(),
      maxTokens: count,
      base: v.nullable(answer),
      answers: v.array(answer),
    }),
  ),
  problem: v.nullable(v.string()),
});

const askPart = v.variant("type", [
  v.object({
    type: v.literal("asked"),
    prompt: v.string(),
    step: v.nullable(count),
    note: v.string(),
    answers: v.array(v.boolean()),
  }),
  v.object({
    type: v.literal("piece"),
    piece: v.object({ base: v.boolean(), from: count, text: v.string(), tokens: count }),
  }),
  v.object({ type: v.literal("end"), base: v.boolean(), tokens: count, ended: v.boolean(), seconds: v.number() }),
]);

const askResult = v.object({
  instruction: v.string(),
  prompt: v.string(),
  step: v.nullable(count),
  note: v.string(),
  answers: v.array(
    v.object({
      base: v.boolean(),
      text: v.string(),
      tokens: count,
      ended: v.nullable(v.boolean()),
      seconds: v.nullable(v.number()),
    }),
  ),
});

/** The result of the job `samples`. */
export function parseSampleReport(value: unknown): SampleReport {
  return v.parse(report, value);
}

/** What the job `ask` hands over ahead of its result; undefined where it is none of that. */
export function parseAskPart(value: unknown): AskPart | undefined {
  const parsed = v.safeParse(askPart, value);
  return parsed.success ? parsed.output : undefined;
}

export function parseAskResult(value: unknown): AskResult {
  return v.parse(askResult, value);
}
