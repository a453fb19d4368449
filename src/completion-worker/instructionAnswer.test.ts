import { describe, expect, it } from "vitest";
import { answerPlace, shapeAnswer } from "./instructionAnswer";

/** The cursor is at ‸. */
function shaped(
  code: string,
  answer: string,
  ended: "end-token" | "length" | null = "end-token",
  instruction = "Do it.",
) {
  const [prefix, suffix] = code.split("‸") as [string, string];
  return shapeAnswer(answer, answerPlace(prefix, suffix, instruction), ended).text;
}

const ANSWER = "def f(x):\n    y = x + 1\n    return y";
const BODY = "    y = x + 1\n    return y";

describe("an answer at its place", () => {
  it.each<[string, string, string, string]>([
    ["a function below a comment", "# add one‸", ANSWER, `\n${ANSWER}`],
    ["… from a line of its own", "# add one\n‸", ANSWER, ANSWER],
    ["a method", "class A:\n    # add one\n    ‸", ANSWER, "def f(x):\n        y = x + 1\n        return y"],
    ["… where the line is not indented yet", "class A:\n    # add one\n‸", "x = 1\ny = 2", "    x = 1\n    y = 2"],
    ["a statement in a function", "def g(x):\n    # add one‸", "x += 1\nreturn x", "\n    x += 1\n    return x"],
    ["a function's body, where one is not what was asked for", "def g(x):\n    # add one\n    ‸", ANSWER, BODY.trim()],
    ["the header again below a docstring", 'def f(x):\n    """Add one."""\n    ‸', ANSWER, BODY.trim()],
    [
      "… and the docstring",
      'def f(x):\n    """Add one."""\n    ‸',
      `def f(x):\n    """Add one."""\n${BODY}`,
      BODY.trim(),
    ],
    [
      "… of several lines",
      'def f(x):\n    """Add one."""\n    ‸',
      `def f(x):\n    """Add\n    one."""\n\n${BODY}`,
      BODY.trim(),
    ],
    ["… from the docstring's end", 'def f(x):\n    """Add one."""‸', ANSWER, `\n${BODY}`],
    [
      "… whose last line is indented deeper",
      'def f(x):\n    """Add:\n\n        one to x"""\n    ‸',
      ANSWER,
      BODY.trim(),
    ],
    ["… from such a docstring's end", 'def f(x):\n    """Add:\n\n        one to x\n        """‸', ANSWER, `\n${BODY}`],
    [
      "… with decorators and hints",
      'def f(x):\n    """Add."""\n    ‸',
      `@cache\ndef f(\n    x: dict[str, int] = {"a": 1},\n) -> int:\n${BODY}`,
      BODY.trim(),
    ],
    ["… on one line", 'def f(x):\n    """Add."""\n    ‸', "def f(x): return x + 1", "return x + 1"],
    ["a body alone", 'def f(x):\n    """Add."""\n    ‸', "y = x + 1\nreturn y", BODY.trim()],
    [
      "a function within the body",
      'def f(x):\n    """Add."""\n    ‸',
      "    def g(y):\n        return x\n\n    return g",
      "def g(y):\n        return x\n\n    return g",
    ],
    ["a body that is indented already", 'def f(x):\n    """Add."""\n    ‸', BODY, BODY.trim()],
    ["fenced code", "# add one\n‸", `Here it is:\n\`\`\`python\n${ANSWER}\n\`\`\`\nIt adds one.`, ANSWER],
    [
      "tabs",
      'class A:\n\tdef f(self):\n\t\t"""Add."""\n\t\t‸',
      "def f(self):\n    self.x += 1\n    self.y()",
      "self.x += 1\n\t\tself.y()",
    ],
    ["what comes after the function", 'def f(x):\n    """Add."""\n    ‸', `${ANSWER}\n\nprint(f(1))`, BODY.trim()],
    ["nothing", "# add one\n‸", "", ""],
    ["a header alone", 'def f(x):\n    """Add."""\n    ‸', "def f(x", ""],
  ])("%s", (_, code, answer, expected) => {
    expect(shaped(code, answer)).toBe(expected);
  });

  it("keeps a function inside a function where one was asked for", () => {
    expect(
      shaped("def g(x):\n    # a function that adds one\n    ‸", ANSWER, "end-token", "a function that adds one"),
    ).toBe(ANSWER.replace(/\n/g, "\n    "));
  });

  it("never takes back what it has let through", () => {
    const cases = [
      ["# add one‸", ANSWER],
      ['def f(x):\n    """Add one."""\n    ‸', `def f(x):\n    """Add\n    one."""\n\n${BODY}`],
      ['def f(x):\n    """Add."""\n    ‸', `@cache\ndef f(\n    x=1,\n) -> int:\n${BODY}`],
      ["# add one\n‸", `\`\`\`python\n${ANSWER}\n`],
      ['def f(x):\n    """Add."""\n    ‸', BODY],
    ] as const;
    for (const [code, answer] of cases) {
      let last = "";
      for (let length = 0; length <= answer.length; ++length) {
        const text = shaped(code, answer.slice(0, length), null);
        expect([code, length, text.startsWith(last.trimEnd())]).toEqual([code, length, true]);
        last = text;
      }
      expect(last).not.toBe("");
    }
  });
});
