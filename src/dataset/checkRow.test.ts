import { describe, expect, it } from "vitest";
import { checkRow, readRow, rowSource, structureProblems, unknownFields } from "./checkRow";
import { canonicalDialect, detectDialect } from "./formats/detect";
import { formatById, formats } from "./formats/registry";

const dialect = (format: string) => canonicalDialect(formatById(format));
const check = (value: unknown, format: string) =>
  checkRow(value, dialect(format)).map(({ check, path }) => ({ check, path }));

describe("row checks", () => {
  it.each([
    [{ instruction: "a", output: "b" }, []],
    [{ instruction: "a", input: null, output: "b", source: "x.py", file: 3 }, []],
    [{ instruction: "a" }, [{ check: "missing-field", path: [] }]],
    [{ output: "b" }, [{ check: "missing-field", path: [] }]],
    [{ instruction: " \n", output: "b" }, [{ check: "empty-instruction", path: ["instruction"] }]],
    [{ instruction: "a", output: "\t" }, [{ check: "empty-answer", path: ["output"] }]],
    [{ instruction: "a", output: null }, [{ check: "wrong-type", path: ["output"] }]],
    [
      { instruction: 1, input: [], output: {} },
      [
        { check: "wrong-type", path: ["instruction"] },
        { check: "wrong-type", path: ["input"] },
        { check: "wrong-type", path: ["output"] },
      ],
    ],
    [{ instruction: "a", output: "\ud83d b" }, [{ check: "lone-surrogate", path: ["output"] }]],
    [{ instruction: "a", output: "\ud83d\ude00" }, []],
    [{ messages: [] }, [{ check: "other-format", path: [] }]],
    [{ title: "t" }, [{ check: "unknown-format", path: [] }]],
    [{ instruction: "a", ouput: "b" }, [{ check: "missing-field", path: ["ouput"] }]],
    [{ instruction: "a", response: "b" }, [{ check: "missing-field", path: ["response"] }]],
    [[], [{ check: "not-an-object", path: [] }]],
    [null, [{ check: "not-an-object", path: [] }]],
    ["text", [{ check: "not-an-object", path: [] }]],
  ])("alpaca %j", (row, expected) => {
    expect(check(row, "alpaca")).toEqual(expected);
  });

  it.each([
    [{ prompt: "", completion: "b" }, []],
    [{ prompt: "a", completion: "" }, [{ check: "empty-answer", path: ["completion"] }]],
    [{ prompt: "a" }, [{ check: "missing-field", path: [] }]],
    [{ prompt: null, completion: "b" }, [{ check: "wrong-type", path: ["prompt"] }]],
  ])("prompt-completion %j", (row, expected) => {
    expect(check(row, "prompt-completion")).toEqual(expected);
  });

  const user = { role: "user", content: "q" };
  const assistant = { role: "assistant", content: "a" };
  const system = { role: "system", content: "s" };
  it.each([
    [[user, assistant], []],
    [[system, user, assistant, user, assistant], []],
    [[], [{ check: "no-assistant-turn", path: ["messages"] }]],
    [[system, user], [{ check: "no-assistant-turn", path: ["messages"] }]],
    [[user, user, assistant], [{ check: "role-order", path: ["messages", 1, "role"] }]],
    [[assistant], [{ check: "role-order", path: ["messages", 0, "role"] }]],
    [[user, assistant, user], [{ check: "last-turn-not-assistant", path: ["messages", 2, "role"] }]],
    [[user, { role: "assistant", content: " " }], [{ check: "empty-answer", path: ["messages", 1, "content"] }]],
    [[{ role: "user", content: "" }, assistant], [{ check: "empty-instruction", path: ["messages", 0, "content"] }]],
    [[{ role: "tool", content: "x" }, assistant], [{ check: "role-order", path: ["messages", 0, "role"] }]],
    [[{ role: "User", content: "x" }, assistant], [{ check: "unknown-role", path: ["messages", 0, "role"] }]],
    [[user, { ...assistant, weight: 0 }], [{ check: "all-masked", path: ["messages"] }]],
    [[user, { role: "assistant", tool_calls: [{}] }, { role: "tool", content: "" }, assistant], []],
    [[user, { role: "assistant", content: [{ type: "text", text: "a" }] }], []],
    [
      [user, { role: "assistant", content: [{ type: "text", text: "a \ud83d" }] }],
      [{ check: "lone-surrogate", path: ["messages", 1, "content", 0, "text"] }],
    ],
    [
      [user, { role: "assistant", content: [{ type: "text", text: " " }] }],
      [{ check: "empty-answer", path: ["messages", 1, "content"] }],
    ],
    [[user, { role: "assistant", content: [] }], [{ check: "empty-answer", path: ["messages", 1, "content"] }]],
    [[{ role: "system", content: "" }, user, assistant], []],
    [
      [user, { role: "assistant", content: [{ type: "image" }] }],
      [{ check: "wrong-type", path: ["messages", 1, "content", 0] }],
    ],
    [[{ content: "x" }, assistant], [{ check: "missing-field", path: ["messages", 0] }]],
    [[user, { role: "assistant" }], [{ check: "missing-field", path: ["messages", 1] }]],
    [["x", assistant], [{ check: "wrong-type", path: ["messages", 0] }]],
    [{}, [{ check: "wrong-type", path: ["messages"] }]],
  ])("chat %j", (messages, expected) => {
    expect(check({ messages }, "chat")).toEqual(expected);
  });

  it.each([
    [[user], [assistant], []],
    [[system, user, assistant, user], [assistant], []],
    [[user], [user], [{ check: "no-assistant-turn", path: ["completion"] }]],
    [[user, assistant], [assistant], [{ check: "role-order", path: ["completion", 0, "role"] }]],
    [[{ role: "user", content: 1 }], [assistant], [{ check: "wrong-type", path: ["prompt", 0, "content"] }]],
    [[user], "b", [{ check: "wrong-type", path: ["completion"] }]],
  ])("prompt and completion as messages %j %j", (prompt, completion, expected) => {
    expect(check({ prompt, completion }, "prompt-messages")).toEqual(expected);
  });

  it("learns of messages the completion's alone", () => {
    const row = { prompt: [user, assistant, user], completion: [{ role: "assistant", content: "b" }] };
    expect(readRow(row, dialect("prompt-messages"))).toEqual({
      shape: "chat",
      messages: [user, { ...assistant, unlearned: true }, user, { role: "assistant", content: "b" }],
    });
    const texts = formatById("prompt-messages").texts(row, dialect("prompt-messages").layout);
    expect(texts.map(({ path, role }) => [path.join("."), role])).toEqual([
      ["prompt.0.content", "instruction"],
      ["prompt.1.content", "context"],
      ["prompt.2.content", "instruction"],
      ["completion.0.content", "answer"],
    ]);
  });

  it("says in one sentence which field and what to do", () => {
    expect(checkRow({ instruction: "a" }, dialect("alpaca"))[0]!.message).toBe(
      'The row has no "output": add it; it holds the answer to learn.',
    );
    expect(checkRow({ a: 1 }, null)[0]!.message).toContain('{"prompt": …, "completion": …}');
    for (const format of formats) expect(checkRow({}, canonicalDialect(format))[0]!.check).toBe("unknown-format");
  });

  it("reads what it checked", () => {
    expect(readRow({ instruction: "i", input: null, output: "o" }, dialect("alpaca"))).toEqual({
      shape: "instruction",
      system: "",
      instruction: "i",
      input: "",
      answer: "o",
    });
    expect(readRow({ messages: [{ ...user, extra: 1 }, assistant] }, dialect("chat"))).toEqual({
      shape: "chat",
      messages: [user, assistant],
    });
    expect(rowSource({ source: "a.py" })).toBe("a.py");
    expect(rowSource({ source: 3 })).toBeNull();
  });
});

describe("dialect detection", () => {
  const detected = (...rows: Record<string, unknown>[]) => detectDialect(rows)?.format.id;

  it("takes the majority", () => {
    const alpaca = { instruction: "a", output: "b" };
    expect(detected({ messages: [] }, alpaca, alpaca)).toBe("alpaca");
  });

  it.each([
    [{ instruction: "a" }, "alpaca"],
    [{ question: "a", answer: "b" }, "alpaca"],
    [{ instruction: "a", text: "b" }, "alpaca"],
    [{ prompt: "a", instruction: "b", output: "c" }, "alpaca"],
    [{ prompt: "a", response: "b" }, "prompt-completion"],
    [{ prompt: "a", canonical_solution: "b", task_id: "c" }, "prompt-completion"],
    [{ prompt: "a", suffix: "b", canonical_solution: "c" }, "fim"],
    [{ prefix: "a", suffix: "b", middle: "c" }, "fim"],
    [{ messages: [{ role: "user", content: "a" }] }, "chat"],
    [{ conversations: [{ role: "user", content: "a" }] }, "chat"],
    [{ conversations: [{ from: "human", value: "a" }] }, "sharegpt"],
    [{ messages: [{ from: "human", value: "a" }] }, "sharegpt"],
    [
      { prompt: [{ role: "user", content: "a" }], completion: [{ role: "assistant", content: "b" }] },
      "prompt-messages",
    ],
    [{ text: "a", url: "b" }, "text"],
    [{ prompt: "a", chosen: "b", rejected: "c" }, "preference"],
    [{ conversations: [{ from: "human", value: "a" }], chosen: {}, rejected: {} }, "preference"],
  ])("%j is %s", (row, format) => {
    expect(detected(row)).toBe(format);
  });

  it("knows when it does not know", () => {
    expect(detected({ level: "info", time: 3 })).toBeUndefined();
    expect(detectDialect([])).toBeNull();
  });

  it("finds each part under the name that most rows give it, or that settings give", () => {
    const rows = [
      { question: "a", response: "b" },
      { question: "a", response: "b" },
      { question: "a", output: "b" },
    ];
    expect(detectDialect(rows)?.layout).toMatchObject({ instruction: ["question"], answer: ["response"] });
    const mapping = { answer: "best.0.text" };
    expect(detectDialect(rows, { format: "alpaca", mapping })?.layout.answer).toEqual(["best", 0, "text"]);
    expect(() => detectDialect(rows, { format: "alpaca", mapping: { messages: "a" } })).toThrow(
      "instruction, answer, input, system",
    );
  });

  it("reads and checks rows by that layout", () => {
    const nested = detectDialect([], { format: "alpaca", mapping: { instruction: "q", answer: "best.0.text" } })!;
    const row = { q: "i", best: [{ text: "o" }] };
    expect(checkRow(row, nested)).toEqual([]);
    expect(readRow(row, nested)).toMatchObject({ instruction: "i", answer: "o" });
    expect(checkRow({ q: "i", best: [{ text: 3 }] }, nested)).toMatchObject([
      { check: "wrong-type", path: ["best", 0, "text"] },
    ]);
  });
});

describe("unknown fields", () => {
  const rows = Array.from({ length: 30 }, () => ({ instruction: "a", output: "b", id: 1 }));
  const usual = detectDialect(rows)!;

  it.each([
    [{ instruction: "a", output: "b", id: 2 }, []],
    [{ instruction: "a", output: "b", note: 2 }, ["note"]],
    [{ instruction: "a", output: "b", inptu: "c" }, ["inptu"]],
  ])("of %j", (row, expected) => {
    expect(unknownFields(row, usual).map(({ path }) => path[0])).toEqual(expected);
  });
});

it("names the formats there are when one is unknown", () => {
  expect(() => formatById("nope")).toThrow("alpaca, prompt-completion, chat");
});

it("names a misspelled field once", () => {
  const usual = detectDialect(Array.from({ length: 30 }, () => ({ instruction: "a", output: "b" })))!;
  const found = (row: object) => structureProblems(row, usual).map(({ check, path }) => [check, path[0]]);
  expect(found({ instruction: "a", ouput: "b" })).toEqual([["missing-field", "ouput"]]);
  expect(found({ instruction: "a", ouput: "b", note: 1 })).toEqual([
    ["missing-field", "ouput"],
    ["unknown-field", "note"],
  ]);
});
