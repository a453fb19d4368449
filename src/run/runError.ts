import { systemCause } from "../disk/systemCause";

/** A failure whose message is one sentence for the user: what, why, what to do. */
export class RunError extends Error {
  override name = "RunError";
}

/** `error` as a RunError that names `file`: a failed write carries no path of its own. */
export function withFile(error: unknown, file: string): Error {
  if (error instanceof RunError) return error;
  const cause = systemCause(error);
  if (cause !== undefined) return new RunError(`${file}: ${cause}.`);
  return error instanceof Error ? error : new RunError(`${file}: ${String(error)}`);
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? "");
}
