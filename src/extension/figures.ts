/** Numbers as people read them. Pure; the views' own copies of the words lie in webview/figures.ts. */

export function count(value: number, locale = "en"): string {
  return Math.round(value).toLocaleString(locale);
}

/** 1.2345: losses are compared in their third digit. */
export function loss(value: number): string {
  return value.toFixed(3);
}

/** "45 s", "4 min", "2 h 5 min": coarse, so that it does not flicker. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

/** Whole percent; 100 only when it is done. */
export function percent(done: number, total: number): number {
  if (total <= 0) return 0;
  return done >= total ? 100 : Math.min(99, Math.floor((done / total) * 100));
}

/** "2.5 GB": in powers of 1000, as disks and downloads are sold. */
export function byteSize(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1000)} kB`;
}
