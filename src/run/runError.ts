/** A failure whose message is one sentence for the user: what, why, what to do. */
export class RunError extends Error {
  override name = "RunError";
}

const causes: Record<string, string> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EISDIR: "it is a folder, a file was expected",
  ENOTDIR: "a part of its path is a file, a folder was expected",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the disk is read-only",
  EIO: "the disk reports a read or write error",
  EMFILE: "too many files are open",
  EEXIST: "it exists already",
  ENOTEMPTY: "the folder is not empty",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links go in a circle",
};

/** A system error's cause in words, or undefined for anything else. */
export function systemCause(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === undefined ? undefined : causes[code];
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
