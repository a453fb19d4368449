import { systemCause } from "../disk/systemCause";

/** Bad input or a failed system call. The message is one sentence for the user: the file, the cause, what to do. */
export class ModelError extends Error {
  override name = "ModelError";
}

/** onnxruntime did not compute what it was given: on a GPU it may have been lost, or out of memory. */
export class RunFailed extends ModelError {}

/** Turns a failed system call on `path` into a sentence; `doing` completes "… could not be". */
export function systemError(path: string, doing: string, error: unknown): ModelError {
  const cause = systemCause(error) ?? (error instanceof Error ? error.message : String(error));
  return new ModelError(`${path} could not be ${doing}: ${cause}.`, { cause: error });
}
