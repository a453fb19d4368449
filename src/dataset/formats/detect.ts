import type { Format, JsonObject } from "./format";
import { formats } from "./registry";

/** Rows looked at to detect a file's format. */
export const DETECTION_SAMPLE = 200;

/** Collects the first rows that are objects and says which format most of them resemble. */
export class FormatDetector {
  private readonly scores = formats.map(() => 0);
  private seen = 0;

  get complete(): boolean {
    return this.seen >= DETECTION_SAMPLE;
  }

  add(value: unknown): void {
    if (this.complete || !isObject(value)) return;
    this.seen++;
    let best = -1;
    let bestResemblance = 0;
    formats.forEach((format, index) => {
      const resemblance = format.resemblance(value);
      if (resemblance > bestResemblance) {
        best = index;
        bestResemblance = resemblance;
      }
    });
    // A row that lacks a field counts for its format, but a whole one counts more.
    if (best >= 0) this.scores[best]! += bestResemblance;
  }

  /** Null: no row resembles any format. */
  result(): Format | null {
    const top = Math.max(...this.scores);
    return top > 0 ? formats[this.scores.indexOf(top)]! : null;
  }
}

export function detectFormat(values: Iterable<unknown>): Format | null {
  const detector = new FormatDetector();
  for (const value of values) {
    detector.add(value);
    if (detector.complete) break;
  }
  return detector.result();
}

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
