import type { JobMessage } from "../protocol/job";
import type { CommandContext } from "./command";

export interface Console {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown; isTTY?: boolean; columns?: number };
}

/** The reporting half of a CommandContext, and what the frame itself needs. */
export interface Reporter
  extends Pick<CommandContext, "json" | "progress" | "problem" | "partial" | "result" | "print"> {
  fail(message: string): void;
  /** Ends a progress line that overwrites itself, so that the next text starts on a line of its own. */
  endProgress(): void;
}

export function createReporter(console: Console, json: boolean): Reporter {
  return json ? jsonReporter(console) : textReporter(console);
}

function jsonReporter({ stdout, stderr }: Console): Reporter {
  const send = (message: JobMessage) => stdout.write(`${JSON.stringify(message)}\n`);
  return {
    json: true,
    progress: (stage, fraction, detail) =>
      send({ type: "progress", stage, fraction, ...(detail === undefined ? {} : { detail }) }),
    problem: (problem) => send({ type: "problem", ...problem }),
    partial: (value) => send({ type: "partial", value }),
    result: (value) => send({ type: "result", value }),
    print: () => {},
    fail: (message) => {
      send({ type: "error", message });
      stderr.write(`${message}\n`);
    },
    endProgress: () => {},
  };
}

function textReporter({ stdout, stderr }: Console): Reporter {
  // On a terminal the line overwrites itself; in a log there is a line a stage and a line each tenth of it.
  const overwrites = stderr.isTTY === true;
  let lineOpen = false;
  let lastLogged = "";
  const endProgress = () => {
    if (lineOpen) stderr.write("\n");
    lineOpen = false;
  };
  return {
    json: false,
    progress(stage, fraction, detail) {
      const percent = fraction === null ? "" : ` ${Math.floor(fraction * 100)} %`;
      const line = `${stage}${percent}${detail === undefined ? "" : ` · ${detail}`}`;
      if (overwrites) {
        stderr.write(`\r\x1b[K${line.slice(0, Math.max(20, (stderr.columns ?? 80) - 1))}`);
        lineOpen = true;
        return;
      }
      const logged = `${stage} ${fraction === null ? "" : Math.floor(fraction * 10)}`;
      if (logged !== lastLogged) stderr.write(`${line}\n`);
      lastLogged = logged;
    },
    problem({ file, row, message }) {
      endProgress();
      stderr.write(`${file}:${row}: ${message}\n`);
    },
    partial(_value, text) {
      endProgress();
      stdout.write(text);
    },
    result(_value, text) {
      endProgress();
      if (text !== "") stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    },
    print(line) {
      endProgress();
      stdout.write(`${line}\n`);
    },
    fail(message) {
      endProgress();
      stderr.write(`${message}\n`);
    },
    endProgress,
  };
}
