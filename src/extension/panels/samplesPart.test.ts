import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ToRunPanel } from "../../protocol/webview";
import type { RunPartContext } from "./runPart";
import { SamplesPart } from "./samplesPart";

/** The job is a small program that notes its arguments and answers with them. */
let extensionPath: string;
let posted: ToRunPanel[];
let run: { directory: string; state: string; samples: object[] };
let part: SamplesPart;

beforeEach(() => {
  extensionPath = mkdtempSync(join(tmpdir(), "tunesmith-samples-"));
  mkdirSync(join(extensionPath, "dist"));
  program('{"type":"result","value":{"samples":[],"problem":null}}');
  posted = [];
  run = { directory: "/runs/one", state: "running", samples: [] };
  const context = {
    services: { extension: { extensionPath } },
    run: {
      directory: run.directory,
      head: () => ({ state: run.state }),
      get history() {
        return { samples: run.samples, revision: 0 };
      },
    },
    post: (message: ToRunPanel) => posted.push(message),
  } as unknown as RunPartContext;
  part = new SamplesPart(context);
});
afterEach(() => {
  part.dispose();
  rmSync(extensionPath, { recursive: true, force: true });
});

function program(said: string): void {
  const note = `require("fs").appendFileSync(${JSON.stringify(join(extensionPath, "calls"))}, JSON.stringify(process.argv.slice(2, -2)) + "\\n");`;
  writeFileSync(join(extensionPath, "dist", "cli.js"), `${note} console.log(${JSON.stringify(said)});`);
  appendFileSync(join(extensionPath, "calls"), "");
}
const asked = () =>
  readFileSync(join(extensionPath, "calls"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
const states = () => posted.map((message) => ("state" in message ? `${message.type} ${message.state}` : message.type));
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

it("reads the answers once for the same samples, and again when there are more", async () => {
  part.show();
  await until(() => states().includes("samples ready"));
  part.update();
  part.show();
  run.samples = [{ attempt: 1, step: 10, prompt: "a", base: false }];
  part.update();
  await until(() => asked().length === 2);
  expect(asked()).toEqual([
    ["samples", "/runs/one"],
    ["samples", "/runs/one"],
  ]);
});

it("waits until the data are prepared", async () => {
  run.state = "preparing";
  part.show();
  expect(posted).toEqual([]);
  run.state = "running";
  part.update();
  await until(() => states().includes("samples ready"));
});

it("pins what is typed, also where it begins like an option, and says when it is done", async () => {
  expect(await part.receive({ type: "addSample", instruction: "--remove=x" })).toBe(true);
  expect(asked()).toEqual([["samples", "/runs/one", "--add=--remove=x"]]);
  expect(states()).toEqual(["pinning busy", "samples ready", "pinning done"]);
});

it("says why a prompt could not be pinned, and keeps what is shown", async () => {
  program('{"type":"error","message":"The prompt has 9,000 tokens."}');
  await part.receive({ type: "addSample", instruction: "long" });
  expect(posted.at(-1)).toEqual({ type: "pinning", state: "failed", message: "The prompt has 9,000 tokens." });
});

it("leaves messages of others alone", async () => {
  expect(await part.receive({ type: "stop" })).toBe(false);
  expect(posted).toEqual([]);
});
