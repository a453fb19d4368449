import { systemCause } from "./systemCause";

/** One sentence for the user: messages made for them as they are, system errors with their file and cause in words. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `Tunesmith failed: ${String(error)}`;
  const cause = systemCause(error);
  if (cause === undefined) return error.message === "" ? `Tunesmith failed: ${error.name}.` : error.message;
  const { path } = error as NodeJS.ErrnoException;
  return path === undefined ? `Tunesmith failed: ${cause}.` : `${path}: ${cause}.`;
}
