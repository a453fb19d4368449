import { beforeEach, describe, expect, it } from "vitest";
import type { CodeQuestion } from "../../protocol/worker";
import { type Cursor, type Gathered, Suggester } from "./suggester";
import { settle, VirtualTime } from "./testing/virtualTime";

const limits = { delay: 100, maxTokens: 64, contextTokens: 256 };
const LATENCY = 50;

let time: VirtualTime;
let asked: CodeQuestion[];
let given: AbortSignal[];
let answers: string[];
let suggester: Suggester;

beforeEach(() => {
  time = new VirtualTime();
  asked = [];
  given = [];
  answers = [];
  suggester = new Suggester({
    now: () => time.now,
    wait: (milliseconds, signal) => time.wait(milliseconds, signal),
    complete: async (question, signal) => {
      asked.push(question);
      given.push(signal);
      const text = answers.shift() ?? "nothing_more";
      await time.wait(LATENCY, signal);
      return signal.aborted ? null : { text, firstTokenMs: 20, exportDir: "export" };
    },
  });
});

/** The cursor is at ‸. */
function at(code: string, changes: Partial<Cursor> = {}): Cursor {
  const [prefix, suffix] = code.split("‸") as [string, string];
  const indentation = { tabs: false, unit: 4 };
  return { document: "a.py", prefix, suffix, isWhole: true, invoked: false, canReplace: true, indentation, ...changes };
}

function begin(cursor: Cursor, gathered: Partial<Gathered> = {}) {
  const abort = new AbortController();
  const suggestion = suggester.suggest(cursor, { snippets: [], instruction: null, ...gathered }, limits, abort.signal);
  return { suggestion, cancel: () => abort.abort() };
}

async function suggested(cursor: Cursor, gathered: Partial<Gathered> = {}) {
  const { suggestion } = begin(cursor, gathered);
  await time.pass(2000);
  return suggestion;
}

describe("a suggestion", () => {
  it("is asked for after the wait, and says where it comes from", async () => {
    answers = ["f(a)"];
    const { suggestion } = begin(at("x = ‸\n"));
    await time.pass(99);
    expect(asked).toEqual([]);
    await time.pass(1);
    expect(asked).toMatchObject([{ document: "a.py", prefix: "x = ", suffix: "\n", multiline: false, ahead: false }]);
    await time.pass(LATENCY);
    expect(await suggestion).toMatchObject({
      text: "f(a)",
      covered: 0,
      source: "computed",
      model: "export",
      latencyMs: LATENCY,
      firstTokenMs: 20,
    });
  });

  it("does not wait where it is asked for by hand", async () => {
    begin(at("x = ‸\n", { invoked: true }));
    await settle();
    expect(asked).toHaveLength(1);
  });

  it("given up during the wait never reaches the worker; later, it is cancelled there", async () => {
    const early = begin(at("x = ‸\n"));
    await time.pass(50);
    early.cancel();
    await time.pass(1000);
    expect([await early.suggestion, asked.length]).toEqual([null, 0]);
    const late = begin(at("x = ‸\n"));
    await time.pass(120);
    late.cancel();
    await settle();
    expect([await late.suggestion, given[0]!.aborted]).toEqual([null, true]);
  });

  it("is served from memory while it is typed along and after going back into it", async () => {
    answers = ["f(alpha, beta)"];
    const first = await suggested(at("x = ‸\n"));
    for (const [code, text] of [
      ["x = f‸\n", "(alpha, beta)"],
      ["x = f(‸)\n", "alpha, beta)"],
      ["x = f(al‸)\n", "pha, beta)"],
      ["x = ‸\n", "f(alpha, beta)"],
    ] as const) {
      const { suggestion } = begin(at(code));
      // Not even the wait.
      await settle();
      expect(await suggestion).toMatchObject({ id: first!.id, text, source: "remembered", latencyMs: null });
    }
    expect(asked).toHaveLength(1);
  });

  it("goes on into strings and comments that are its own", async () => {
    answers = ["open('file name')"];
    await suggested(at("x = ‸\n"));
    expect(await suggested(at("x = open('fi‸')\n"))).toMatchObject({ text: "le name')", covered: 2 });
    expect(asked).toHaveLength(1);
  });

  it("is not offered where it would have to replace and cannot", async () => {
    answers = ["f(alpha, beta)"];
    await suggested(at("x = ‸\n"));
    answers = ["alpha)"];
    expect(await suggested(at("x = f(‸)\n", { canReplace: false }))).toMatchObject({ text: "alpha", covered: 0 });
  });

  it("stands on the next line of a comment that asks for it", async () => {
    answers = ["return sorted(prices)"];
    const suggestion = await suggested(at("def f(prices):\n    # sort them‸\n"), { instruction: "sort them" });
    expect(asked).toMatchObject([{ prefix: "def f(prices):\n    # sort them\n    ", instruction: "sort them" }]);
    expect(suggestion!.text).toBe("\n    return sorted(prices)");
  });

  it("is none in a comment that does not ask", async () => {
    expect(await suggested(at("# a note‸\n"))).toBeNull();
    expect(asked).toEqual([]);
  });
});

describe("after a suggestion was taken", () => {
  const start = at("x = ‸\n");
  const taken = at("x = f(a)‸\n");

  async function take() {
    answers = ["f(a)", "\ny = g(x)"];
    const suggestion = await suggested(start, { snippets: [{ kind: "similar", path: "b.py", text: "z" }] });
    suggester.accepted(suggestion!.id, taken);
  }

  it("the next is computed ahead, with the same context, and served where it fits", async () => {
    await take();
    expect(asked[1]).toMatchObject({ prefix: "x = f(a)", ahead: true, multiline: true, context: asked[0]!.context });
    await time.pass(1000);
    expect(await suggested(at("x = f(a)\n‸\n"))).toMatchObject({ text: "y = g(x)", source: "ahead" });
    expect(await suggested(at("x = f(a)\ny = ‸\n"))).toMatchObject({ text: "g(x)", source: "ahead" });
    expect(asked).toHaveLength(2);
  });

  it("is waited for where it is not there yet, but not longer than for a key", async () => {
    await take();
    const { suggestion } = begin(at("x = f(a)\n‸\n"));
    await time.pass(LATENCY);
    expect(await suggestion).toMatchObject({ text: "y = g(x)", source: "ahead" });
    expect(asked).toHaveLength(2);
  });

  it("is not shown behind the line that it goes on from", async () => {
    await take();
    await time.pass(1000);
    answers = [" + 1"];
    expect(await suggested(taken)).toMatchObject({ text: " + 1", source: "computed" });
  });

  it("is given up for another place, another document's closing, another model", async () => {
    await take();
    begin(at("y = ‸\n")).cancel();
    expect(given[1]!.aborted).toBe(true);
    for (const end of [() => suggester.forget("a.py"), () => suggester.clear()]) {
      suggester.clear();
      await take();
      expect(given.at(-1)!.aborted).toBe(false);
      end();
      expect(given.at(-1)!.aborted).toBe(true);
    }
  });

  it("is asked for once, whatever is said of other suggestions", async () => {
    await take();
    suggester.accepted("another", taken);
    expect(asked).toHaveLength(2);
  });
});

it("waits longer for one who types fast over what is offered, and less for one who takes it", async () => {
  const waited = async (code: string) => {
    const from = time.now;
    const count = asked.length;
    begin(at(code));
    while (asked.length === count) await time.pass(1);
    return time.now - from;
  };
  answers = ["aa = 1"];
  expect(await waited("x0 = ‸\n")).toBe(100);
  for (let i = 1; i < 12; i++) {
    answers = [`name_${i}`];
    const { suggestion } = begin(at(`x${i} = ‸\n`, { invoked: true }));
    await time.pass(LATENCY);
    expect(await suggestion).not.toBeNull();
  }
  const annoyed = await waited("y = ‸\n");
  expect(annoyed).toBeGreaterThan(150);
  await time.pass(1000);
  for (let i = 0; i < 12; i++) {
    answers = [`name_${i}`];
    const suggestion = await suggested(at(`z${i} = ‸\n`, { invoked: true }));
    suggester.accepted(suggestion!.id, at(`z${i} = name_${i}‸\n`));
    await time.pass(1000);
  }
  expect(await waited("v = ‸\n")).toBeLessThan(80);
});
