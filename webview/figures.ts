/** Numbers as people read them. */
import type { Share } from "../src/protocol/evaluation";
import { t } from "./texts";

const language = () => document.documentElement.lang || "en";

export function count(value: number): string {
  return Math.round(value).toLocaleString(language());
}

/** Losses are compared in their third digit. */
export function loss(value: number | null): string {
  return value === null ? "–" : value.toFixed(3);
}

export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t("{0} s", whole);
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return t("{0} min", minutes);
  return t("{0} h {1} min", Math.floor(minutes / 60), minutes % 60);
}

/** 15,700,000 as "15.7 M". */
export function compact(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  return count(value);
}

const GB = 2 ** 30;

/** Memory as GPU makers count it, in units of 1,024: "80 GB", "12.3 GB", "613 MB". */
export function memory(bytes: number): string {
  if (bytes < GB) return t("{0} MB", count(bytes / 2 ** 20));
  return t("{0} GB", gigabytes(bytes));
}

/** "12.3 of 80 GB" */
export function memoryOf(used: number, total: number): string {
  return t("{0} of {1} GB", gigabytes(used), gigabytes(total));
}

function gigabytes(bytes: number): string {
  const value = bytes / GB;
  // 79.6 GB that can be used of a GPU sold as 80.
  const digits = Math.abs(value - Math.round(value)) < 0.05 || value >= 100 ? 0 : 1;
  return value.toFixed(digits);
}

/** "41 of 50 (82 %)"; null where nothing was counted. */
export function share({ count, of }: Share): string | null {
  return of === 0 ? null : t("{0} of {1} ({2} %)", count, of, Math.round((count / of) * 100));
}

export function fileName(path: string): string {
  return (
    path
      .split(/[\\/]/)
      .filter((part) => part !== "")
      .at(-1) ?? path
  );
}

/** The change from `before` to `after` in whole percent of `before`. */
export function change(before: number, after: number): number {
  return before === 0 ? 0 : Math.round((after / before - 1) * 100);
}
