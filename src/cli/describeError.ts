const causes: Record<string, string> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EISDIR: "it is a folder, a file was expected",
  ENOTDIR: "a part of its path is a file, a folder was expected",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the disk is read-only",
  EMFILE: "too many files are open",
  EEXIST: "it exists already",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links go in a circle",
};

/** One sentence for the user: messages made for them as they are, system errors with their file and cause in words. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `Tunesmith failed: ${String(error)}`;
  const { code, path } = error as NodeJS.ErrnoException;
  const cause = code === undefined ? undefined : causes[code];
  if (cause === undefined) return error.message === "" ? `Tunesmith failed: ${error.name}.` : error.message;
  return path === undefined ? `Tunesmith failed: ${cause}.` : `${path}: ${cause}.`;
}
