import { describe, expect, it } from "vitest";
import type { JobMessage } from "../protocol/job";
import { type CliProcess, runCli } from "./cli";
import { Cancelled, type Command, numberOption, requiredOption } from "./command";
import { commands, type RegisteredCommand } from "./registry";

/** A process of which the test sees every word, and to which it can send signals. */
function fakeProcess(options: { isTTY?: boolean } = {}) {
  const written = { stdout: "", stderr: "" };
  const listeners = new Map<string, () => void>();
  const process: CliProcess = {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text), ...options },
    cwd: () => "/",
    on: (event, listener) => listeners.set(event, listener),
    off: (event) => listeners.delete(event),
  };
  return { process, written, listeners, send: (signal: string) => listeners.get(signal)?.() };
}

const messages = (text: string): JobMessage[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

function register(run: Command["run"], changes: Partial<Command> = {}): RegisteredCommand[] {
  const command: Command = {
    name: ["data", "make"],
    summary: "make data",
    options: {
      rows: { type: "string", value: "N", description: "how many" },
      force: { type: "boolean", short: "f", description: "even so" },
    },
    run,
    ...changes,
  };
  return [{ name: command.name, summary: command.summary, load: async () => command }];
}

describe("runCli", () => {
  it("gives the overview without loading a command", async () => {
    const { process, written } = fakeProcess();
    const untouched = register(async () => 0).map((entry) => ({
      ...entry,
      load: () => Promise.reject(new Error("loaded")),
    }));
    expect(await runCli(["--help"], process, untouched)).toBe(0);
    expect(written.stdout).toContain("data make  make data");
  });

  it("loads and describes every registered command", async () => {
    for (const entry of commands) {
      const { process, written } = fakeProcess();
      expect(await runCli([...entry.name, "--help"], process)).toBe(0);
      expect(written.stdout).toMatch(new RegExp(`^Usage: tunesmith ${entry.name.join(" ")}`));
      expect((await entry.load()).name).toEqual(entry.name);
    }
  });

  it.each([
    [[], "A command is missing."],
    [["dance"], 'There is no command "dance".'],
    [["data", "make", "--speed"], "--speed"],
    [["data", "make", "--rows"], "--rows"],
    [["data", "make", "word"], '"word" is one word too many.'],
    [["data", "make", "--rows", "many"], '--rows must be a whole number from 1 to 9, not "many".'],
    [["data", "make", "--rows", "10"], "--rows must be"],
    [["data", "make", "--rows="], "--rows needs a value."],
    [["data", "make"], "--rows is missing."],
    [["data", "make", "--progress", "loud"], '--progress must be text or json, not "loud".'],
  ])("takes %j for wrong arguments", async (argv, says) => {
    const { process, written } = fakeProcess();
    const registered = register(async (context) => {
      requiredOption(context, "rows");
      return numberOption(context, "rows", { min: 1, max: 9, whole: true }) === undefined ? 1 : 0;
    });
    expect(await runCli(argv, process, registered)).toBe(2);
    expect(written.stderr).toContain(says);
    expect(written.stderr).toContain("Usage: tunesmith");
    expect(written.stdout).toBe("");
  });

  it("hands over options, words and the exit code", async () => {
    const { process, written } = fakeProcess();
    const registered = register(
      async (context) => {
        context.result({}, `${context.positionals.join()} ${context.values.rows} ${context.values.force}`);
        return 7;
      },
      { positionals: { usage: "FILE", min: 1, max: 2 } },
    );
    expect(await runCli(["data", "make", "a", "--rows", "3", "-f", "b"], process, registered)).toBe(7);
    expect(written.stdout).toBe("a,b 3 true\n");
  });

  it("says a failure in one sentence, also as a message", async () => {
    const registered = register(async () => {
      throw Object.assign(new Error("ENOENT: no such file or directory, open '/x'"), { code: "ENOENT", path: "/x" });
    });
    const text = fakeProcess();
    expect(await runCli(["data", "make"], text.process, registered)).toBe(1);
    expect(text.written).toEqual({ stdout: "", stderr: "/x: there is no such file or folder.\n" });

    const json = fakeProcess();
    expect(await runCli(["data", "make", "--progress", "json"], json.process, registered)).toBe(1);
    expect(messages(json.written.stdout)).toEqual([{ type: "error", message: "/x: there is no such file or folder." }]);
  });

  it("writes nothing but messages to stdout with --progress json", async () => {
    const { process, written } = fakeProcess();
    const registered = register(async (context) => {
      context.progress("Reading", 0.5, "row 5");
      context.problem({ file: "a.jsonl", row: 2, check: "json-syntax", message: "Bad." });
      context.print("for people");
      context.result({ rows: 4 }, "4 rows");
      return 0;
    });
    expect(await runCli(["data", "make", "--progress=json"], process, registered)).toBe(0);
    expect(messages(written.stdout)).toEqual([
      { type: "progress", stage: "Reading", fraction: 0.5, detail: "row 5" },
      { type: "problem", file: "a.jsonl", row: 2, check: "json-syntax", message: "Bad." },
      { type: "result", value: { rows: 4 } },
    ]);
  });

  it("overwrites the progress line on a terminal and keeps a log short", async () => {
    const registered = register(async (context) => {
      for (let i = 0; i <= 100; i++) context.progress("Reading", i / 100);
      context.result({}, "done");
      return 0;
    });
    const terminal = fakeProcess({ isTTY: true });
    await runCli(["data", "make"], terminal.process, registered);
    expect(terminal.written.stderr.split("\n")).toHaveLength(2);
    const log = fakeProcess();
    await runCli(["data", "make"], log.process, registered);
    expect(log.written.stderr.split("\n").length).toBeLessThan(15);
  });

  it("aborts on the first signal and leaves the second to the system", async () => {
    const { process, written, listeners, send } = fakeProcess();
    const registered = register(async ({ signal }) => {
      send("SIGTERM");
      expect(signal.aborted).toBe(true);
      expect(listeners.size).toBe(0);
      signal.throwIfAborted();
      return 0;
    });
    expect(await runCli(["data", "make"], process, registered)).toBe(130);
    expect(written.stderr).toBe(`${new Cancelled().message}\n`);
  });

  it("unhooks itself from the signals", async () => {
    const { process, listeners } = fakeProcess();
    const registered = register(async () => listeners.size);
    expect(await runCli(["data", "make"], process, registered)).toBe(2);
    expect(listeners.size).toBe(0);
  });
});
