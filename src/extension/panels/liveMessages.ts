import * as v from "valibot";
import { ranges } from "../../run/runSpec";

/** A picture of some thousand pixels each way, in base64. */
const MAX_PICTURE = 32 * 2 ** 20;
const { min, max } = ranges["optimizer.learningRate"];
const bare = <const T extends string>(type: T) => v.object({ type: v.literal(type) });

/** What the page's curves and its buttons for a run at work send. */
export const fromLiveView = [
  bare("pause"),
  bare("continue"),
  bare("checkpoint"),
  v.object({ type: v.literal("setLearningRate"), learningRate: v.pipe(v.number(), v.minValue(min), v.maxValue(max)) }),
  bare("compare"),
  bare("export"),
  bare("copyCsv"),
  v.object({ type: v.literal("savePng"), data: v.pipe(v.string(), v.maxLength(MAX_PICTURE), v.base64()) }),
] as const;
