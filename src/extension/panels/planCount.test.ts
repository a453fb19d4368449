import { describe, expect, it } from "vitest";
import type { DataSummary } from "../../protocol/webview";
import { JobCancelled } from "../jobs/runJob";
import { type CountOptions, PlanCount } from "./planCount";

/** Counts that end when the test says so. */
class Counts {
  readonly asked: { args: readonly string[]; options: CountOptions; end(trainTokens: number | Error): void }[] = [];
  readonly shown: string[] = [];
  readonly count = new PlanCount(
    (args, options) =>
      new Promise((resolve, reject) => {
        const end = (result: number | Error) =>
          typeof result === "number" ? resolve({ trainTokens: result } as DataSummary) : reject(result);
        options.signal.addEventListener("abort", () => reject(new JobCancelled()));
        this.asked.push({ args, options, end });
      }),
    ({ state }) => this.shown.push(state),
  );
}

const never = new AbortController().signal;

describe("the count of a plan", () => {
  it("is waited for by who needs it", async () => {
    const { count, asked } = new Counts();
    count.count(["a"]);
    const settled = count.settled(never);
    asked[0]!.end(7);
    expect(await settled).toEqual({ trainTokens: 7 });
    expect(count.summary).toEqual({ trainTokens: 7 });
  });

  it("is the last one that was asked for", async () => {
    const { count, asked, shown } = new Counts();
    count.count(["a"]);
    const settled = count.settled(never);
    count.count(["b"]);
    expect(asked[0]!.options.signal.aborted).toBe(true);
    asked[1]!.end(9);
    expect(await settled).toEqual({ trainTokens: 9 });
    expect(shown).toEqual(["loading", "loading", "ready"]);
  });

  it("is made once for the same, and again where the files have changed", () => {
    const { count, asked } = new Counts();
    count.count(["a"]);
    count.count(["a"]);
    expect(asked).toHaveLength(1);
    count.forget();
    count.count(["a"]);
    expect(asked).toHaveLength(2);
  });

  it("says what it failed with, and is made again when it is asked for again", async () => {
    const { count, asked, shown } = new Counts();
    count.count(["a"]);
    const settled = count.settled(never);
    asked[0]!.end(new Error("a.jsonl cannot be read"));
    await expect(settled).rejects.toThrow("a.jsonl cannot be read");
    expect(shown).toEqual(["loading", "error"]);
    count.count(["a"]);
    expect(asked).toHaveLength(2);
  });

  it("is waited for no longer than wanted", async () => {
    const { count } = new Counts();
    const abort = new AbortController();
    count.count(["a"]);
    const settled = count.settled(abort.signal);
    abort.abort();
    await expect(settled).rejects.toThrow(JobCancelled);
  });

  it("is compared with others, which are made once and not shown", async () => {
    const { count, asked, shown } = new Counts();
    count.count(["a"]);
    asked[0]!.end(7);
    await count.settled(never);
    expect(await count.compare(["a"], never)).toEqual({ trainTokens: 7 });
    const compared = count.compare(["b"], never);
    asked[1]!.end(9);
    expect(await compared).toEqual({ trainTokens: 9 });
    expect(await count.compare(["b"], never)).toEqual({ trainTokens: 9 });
    expect(asked).toHaveLength(2);
    expect(shown).toEqual(["loading", "ready"]);
    expect(count.summary).toEqual({ trainTokens: 7 });
    count.forget();
    void count.compare(["b"], never);
    expect(asked).toHaveLength(3);
  });

  it("leaves what was counted where there is nothing new to count", async () => {
    const { count, asked } = new Counts();
    count.refuse("There is no model");
    expect(count.data).toMatchObject({ state: "error", message: "There is no model" });
    count.count(["a"]);
    asked[0]!.end(7);
    await count.settled(never);
    count.refuse("There is no model");
    expect(count.data.state).toBe("ready");
  });
});
