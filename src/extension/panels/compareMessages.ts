/** What the comparison's page sends and keeps is input: checked before it is acted upon. */
import * as v from "valibot";
import type { CompareViewState, FromCompareView } from "../../protocol/compareView";

/** Each run has its own line in the charts and its own column: more cannot be told apart. */
export const MAX_COMPARED = 8;
const MAX_LINE = 4096;
/** Above what notes may hold, so that the reason is said where they are written. */
const MAX_NOTES = 1 << 18;

/** A run's directory; of an older version the name of its folder. */
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_LINE));
const line = v.pipe(v.string(), v.maxLength(MAX_LINE));
const bare = <const T extends string>(type: T) => v.object({ type: v.literal(type) });
const about = <const T extends string>(type: T) => v.object({ type: v.literal(type), id });

const fromCompareView = v.variant("type", [
  bare("ready"),
  bare("add"),
  about("openRun"),
  about("useForCompletion"),
  about("remove"),
  v.object({ type: v.literal("rename"), id, name: line }),
  v.object({ type: v.literal("setTags"), id, tags: line }),
  v.object({ type: v.literal("setNotes"), id, notes: v.pipe(v.string(), v.maxLength(MAX_NOTES)) }),
]);

const ids = v.pipe(v.array(id), v.maxLength(MAX_COMPARED));
const state = v.object({
  ids: v.pipe(ids, v.minLength(1)),
  hidden: v.fallback(ids, []),
  smoothed: v.fallback(v.boolean(), true),
  logScale: v.fallback(v.boolean(), false),
});

export function parseFromCompareView(value: unknown): FromCompareView | undefined {
  const parsed = v.safeParse(fromCompareView, value);
  return parsed.success ? parsed.output : undefined;
}

export function parseCompareViewState(value: unknown): CompareViewState | undefined {
  const parsed = v.safeParse(state, value);
  return parsed.success ? parsed.output : undefined;
}
