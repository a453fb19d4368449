/** What a program that a model has written may take. */
export const limits = {
  /** From its start to its end, seconds. */
  wallSeconds: 10,
  /** Of one process, seconds. */
  cpuSeconds: 8,
  /** Address space of one process, bytes. */
  memoryBytes: 512 * 2 ** 20,
  /** Of one file, bytes; all files together find 16 MiB. */
  fileBytes: 2 ** 20,
  /** Processes and threads. */
  processes: 16,
  openFiles: 64,
  /** Standard output and error together, bytes. */
  outputBytes: 64 * 1024,
} as const;
