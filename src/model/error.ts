/** Bad input or a failed system call. The message is one sentence for the user: the file, the cause, what to do. */
export class ModelError extends Error {
  override name = "ModelError";
}

/** Turns a failed system call on `path` into a sentence; `doing` completes "… could not be". */
export function systemError(path: string, doing: string, error: unknown): ModelError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const known: Record<string, string> = {
    ENOENT: "it does not exist",
    EACCES: "permission was denied",
    EPERM: "permission was denied",
    EISDIR: "it is a folder",
    ENOTDIR: "a part of its path is not a folder",
    ENOSPC: "the disk is full; free some space and try again",
    EDQUOT: "the disk quota is used up; free some space and try again",
    EROFS: "the file system is read-only",
    EMFILE: "too many files are open",
    EIO: "the disk reported an error",
  };
  const cause = (code && known[code]) ?? (error instanceof Error ? error.message : String(error));
  return new ModelError(`${path} could not be ${doing}: ${cause}.`, { cause: error });
}
