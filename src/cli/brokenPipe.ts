/** As a shell counts the end by SIGPIPE. */
const EXIT_BROKEN_PIPE = 128 + 13;

interface Stream {
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** A reader that has seen enough, such as `head`, closes the pipe: the command ends, without a word. */
export function endOnBrokenPipe(streams: readonly Stream[], exit: (code: number) => void): void {
  for (const stream of streams) {
    stream.on("error", (error) => {
      if (error.code !== "EPIPE") throw error;
      exit(EXIT_BROKEN_PIPE);
    });
  }
}
