import { describe, expect, it } from "vitest";
import { checkRow, readRow, rowSource } from "./checkRow";
import { detectFormat } from "./formats/detect";
import { formatById, formats } from "./formats/registry";

const check = (value: unknown, format: string) =>
  checkRow(value, formatById(format)).map(({ reason, path }) => ({ reason, path }));

describe("row checks", () => {
  it.each([
    [{ instruction: "a", output: "b" }, []],
    [{ instruction: "a", input: null, output: "b", source: "x.py", file: 3 }, []],
    [{ instruction: "a" }, [{ reason: "missing-field", path: [] }]],
    [{ output: "b" }, [{ reason: "missing-field", path: [] }]],
    [{ instruction: " \n", output: "b" }, [{ reason: "empty-instruction", path: ["instruction"] }]],
    [{ instruction: "a", output: "\t" }, [{ reason: "empty-answer", path: ["output"] }]],
    [{ instruction: "a", output: null }, [{ reason: "wrong-type", path: ["output"] }]],
    [
      { instruction: 1, input: [], output: {} },
      [
        { reason: "wrong-type", path: ["instruction"] },
        { reason: "wrong-type", path: ["input"] },
        { reason: "wrong-type", path: ["output"] },
      ],
    ],
    [{ instruction: "a", output: "\ud83d b" }, [{ reason: "invalid-text", path: ["output"] }]],
    [{ instruction: "a", output: "\ud83d\ude00" }, []],
    [{ messages: [] }, [{ reason: "unknown-format", path: [] }]],
    [[], [{ reason: "not-an-object", path: [] }]],
    [null, [{ reason: "not-an-object", path: [] }]],
    ["text", [{ reason: "not-an-object", path: [] }]],
  ])("alpaca %j", (row, expected) => {
    expect(check(row, "alpaca")).toEqual(expected);
  });

  it.each([
    [{ prompt: "", completion: "b" }, []],
    [{ prompt: "a", completion: "" }, [{ reason: "empty-answer", path: ["completion"] }]],
    [{ prompt: "a" }, [{ reason: "missing-field", path: [] }]],
    [{ prompt: null, completion: "b" }, [{ reason: "wrong-type", path: ["prompt"] }]],
  ])("prompt-completion %j", (row, expected) => {
    expect(check(row, "prompt-completion")).toEqual(expected);
  });

  const user = { role: "user", content: "q" };
  const assistant = { role: "assistant", content: "a" };
  const system = { role: "system", content: "s" };
  it.each([
    [[user, assistant], []],
    [[system, user, assistant, user, assistant], []],
    [[], [{ reason: "no-assistant-turn", path: ["messages"] }]],
    [[system, user], [{ reason: "no-assistant-turn", path: ["messages"] }]],
    [[user, user, assistant], [{ reason: "roles-order", path: ["messages", 1, "role"] }]],
    [[assistant], [{ reason: "roles-order", path: ["messages", 0, "role"] }]],
    [[user, assistant, user], [{ reason: "roles-order", path: ["messages", 2, "role"] }]],
    [[user, { role: "assistant", content: " " }], [{ reason: "empty-answer", path: ["messages", 1, "content"] }]],
    [[{ role: "user", content: "" }, assistant], [{ reason: "empty-instruction", path: ["messages", 0, "content"] }]],
    [[{ role: "tool", content: "x" }, assistant], [{ reason: "wrong-type", path: ["messages", 0, "role"] }]],
    [[{ content: "x" }, assistant], [{ reason: "missing-field", path: ["messages", 0] }]],
    [[user, { role: "assistant" }], [{ reason: "missing-field", path: ["messages", 1] }]],
    [["x", assistant], [{ reason: "wrong-type", path: ["messages", 0] }]],
    [{}, [{ reason: "wrong-type", path: ["messages"] }]],
  ])("chat %j", (messages, expected) => {
    expect(check({ messages }, "chat")).toEqual(expected);
  });

  it("says in one sentence which field and what to do", () => {
    expect(checkRow({ instruction: "a" }, formatById("alpaca"))[0]!.message).toBe(
      'The row has no "output": add it; it holds the answer to learn.',
    );
    expect(checkRow({ a: 1 }, null)[0]!.message).toContain('{"prompt": …, "completion": …}');
    for (const format of formats) expect(checkRow({}, format)[0]!.reason).toBe("unknown-format");
  });

  it("reads what it checked", () => {
    expect(readRow({ instruction: "i", input: null, output: "o" }, formatById("alpaca"))).toEqual({
      shape: "instruction",
      instruction: "i",
      input: "",
      answer: "o",
    });
    expect(readRow({ messages: [{ ...user, extra: 1 }, assistant] }, formatById("chat"))).toEqual({
      shape: "chat",
      messages: [user, assistant],
    });
    expect(rowSource({ source: "a.py" })).toBe("a.py");
    expect(rowSource({ source: 3 })).toBeNull();
  });
});

describe("format detection", () => {
  it("takes the majority", () => {
    const rows = [{ messages: [] }, { instruction: "a", output: "b" }, { instruction: "a", output: "b" }, 3, null];
    expect(detectFormat(rows)?.id).toBe("alpaca");
  });
  it("recognises a format by its incomplete rows, but prefers whole ones", () => {
    expect(detectFormat([{ instruction: "a" }])?.id).toBe("alpaca");
    expect(detectFormat([{ prompt: "a", instruction: "b", output: "c" }])?.id).toBe("alpaca");
  });
  it("knows when it does not know", () => {
    expect(detectFormat([{ text: "a" }, []])).toBeNull();
    expect(detectFormat([])).toBeNull();
  });
  it("looks at a bounded number of rows", () => {
    let read = 0;
    const rows = (function* () {
      for (;;) {
        read++;
        yield { prompt: "a", completion: "b" };
      }
    })();
    expect(detectFormat(rows)?.id).toBe("prompt-completion");
    expect(read).toBe(200);
  });
});

it("names the formats there are when one is unknown", () => {
  expect(() => formatById("nope")).toThrow("alpaca, prompt-completion, chat");
});
