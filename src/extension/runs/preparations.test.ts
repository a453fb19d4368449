import { expect, it, vi } from "vitest";
import { Preparations, unattended } from "./preparations";

vi.mock("vscode", async () => {
  const { FakeEmitter } = await import("./testing/fakeVscode");
  return { EventEmitter: FakeEmitter, l10n: { t: (text: string) => text } };
});

/** Work that goes on until its signal ends it. */
const untilStopped = ({ signal }: { signal: AbortSignal }) =>
  new Promise<string>((resolve) => signal.addEventListener("abort", () => resolve("given up")));

it("tells how far a start is, each whole percent once, and who began it too", async () => {
  const preparations = new Preparations();
  const told: unknown[] = [];
  const heard: unknown[] = [];
  preparations.onDidChange((directory) => told.push([directory, preparations.of(directory)]));
  const options = { ...unattended(), onProgress: (...progress: unknown[]) => heard.push(progress) };
  await preparations.track("/runs/a", options, async ({ onProgress }) => {
    for (const fraction of [0.101, 0.102, 0.2]) onProgress("Tokenizing rows", fraction);
  });
  expect(told).toEqual([
    ["/runs/a", { here: true, stage: "Preparing the data", fraction: null }],
    ["/runs/a", { here: true, stage: "Tokenizing rows", fraction: 0.101 }],
    ["/runs/a", { here: true, stage: "Tokenizing rows", fraction: 0.2 }],
    ["/runs/a", null],
  ]);
  expect(heard).toHaveLength(3);
});

it("gives up a start from anywhere, and that of no other run", async () => {
  const preparations = new Preparations();
  const work = preparations.track("/runs/a", unattended(), untilStopped);
  expect(preparations.stop("/runs/b")).toBe(false);
  expect(preparations.of("/runs/a")).not.toBeNull();
  expect(preparations.stop("/runs/a")).toBe(true);
  expect(await work).toBe("given up");
  expect(preparations.of("/runs/a")).toBeNull();
});

it("is given up by who began it, and when the window goes", async () => {
  const preparations = new Preparations();
  const abort = new AbortController();
  const one = preparations.track("/runs/a", { ...unattended(), signal: abort.signal }, untilStopped);
  const other = preparations.track("/runs/b", unattended(), untilStopped);
  abort.abort();
  expect(await one).toBe("given up");
  expect(preparations.closing).toBe(false);
  preparations.dispose();
  expect(await other).toBe("given up");
  expect(preparations.closing).toBe(true);
});

it("starts no run twice at a time, and one that failed again", async () => {
  const preparations = new Preparations();
  const first = preparations.track("/runs/a", unattended(), untilStopped);
  await expect(preparations.track("/runs/a", unattended(), async () => {})).rejects.toThrow("already being started");
  preparations.stop("/runs/a");
  await first;
  const failing = preparations.track("/runs/a", unattended(), () => Promise.reject(new Error("No rows.")));
  await expect(failing).rejects.toThrow("No rows.");
  expect(await preparations.track("/runs/a", unattended(), async () => 7)).toBe(7);
});
