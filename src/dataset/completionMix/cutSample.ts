import type { SampleKind } from "../../protocol/run";
import type { SpecialTokens } from "../specialTokens";
import { fillInTheMiddle } from "../templates/fillInTheMiddle";
import { control, learned, plain, type Segment } from "../templates/template";
import { indentationStart, type PythonSource, wordStart } from "./middles";
import type { SeededRandom } from "./seededRandom";

/** A sample for completion, in the layout of a prompt at inference (src/completion-worker/prompt.ts). */
export interface CutSample {
  kind: Exclude<SampleKind, "instruct">;
  segments: Segment[];
  /** Samples with the same are the same question. */
  key: string;
}

/** Where a model has tokens for the middle, a few samples still go on from the prefix alone. */
const PREFIX_SHARE = 0.1;
/** Of the samples, those at whose cursor the file ends. */
const FILE_END_SHARE = 0.1;
/** Characters before the middle: mostly few, so that a pass has many samples, and now and then as many as in an editor. */
const SHORT_PREFIX = 700;
const LONG_PREFIX = 2800;
const LONG_SHARE = 0.25;
/** As much as the editor's prompt holds of it, about. */
const LONGEST_SUFFIX = 360;

/** Null: nothing worth learning was drawn. */
export function cutSample(source: PythonSource, special: SpecialTokens, random: SeededRandom): CutSample | null {
  const middle = source.draw(random);
  if (middle === null) return null;
  const [forPrefix, forEnd, forLength] = [random.next(), random.next(), random.next()];
  const { text } = source;
  const continues = special.fim === null || forPrefix < PREFIX_SHARE;
  // A prompt at inference ends before the begun word.
  const start = continues ? indentationStart(text, middle.start) : wordStart(text, middle.start);
  const longest = forLength < LONG_SHARE ? LONG_PREFIX : SHORT_PREFIX;
  const prefix = lastLines(text.slice(0, start), Math.round(longest * (0.3 + 0.7 * random.next())));
  if (continues) {
    const end = source.endOfBody(middle.start) ?? middle.end;
    const segments = [plain(prefix), learned(text.slice(start, end)), control(special.end, true)];
    return { kind: "prefix", segments, key: `${start} ${end}` };
  }
  const suffix = forEnd < FILE_END_SHARE ? "" : firstLines(text.slice(middle.end), LONGEST_SUFFIX);
  const sample = { shape: "fim" as const, prefix, suffix, middle: text.slice(start, middle.end) };
  return {
    kind: "fim",
    segments: fillInTheMiddle.render(sample, special),
    key: `${start} ${middle.end} ${suffix === ""}`,
  };
}

/** The end of a text, in whole lines where it has several. */
function lastLines(text: string, atMost: number): string {
  if (text.length <= atMost) return text;
  const newline = text.indexOf("\n", text.length - atMost - 1);
  return newline < 0 || newline + 1 >= text.length ? wholeCharacters(text.slice(-atMost)) : text.slice(newline + 1);
}

function firstLines(text: string, atMost: number): string {
  if (text.length <= atMost) return text;
  const newline = text.lastIndexOf("\n", atMost - 1);
  return newline > 0 ? text.slice(0, newline + 1) : wholeCharacters(text.slice(0, atMost));
}

/** Without halves of surrogate pairs at its ends. */
function wholeCharacters(text: string): string {
  return text.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
}
