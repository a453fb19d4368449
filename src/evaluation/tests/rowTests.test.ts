import { beforeAll, describe, expect, it } from "vitest";
import { loadPythonParser } from "../../dataset/checks/python/parser";
import { programOf, testOf } from "./rowTests";

beforeAll(loadPythonParser);

describe("the tests of a row", () => {
  it("of MBPP are its list of asserts, below their imports", () => {
    const row = {
      text: "Add.",
      code: "…",
      test_list: ["assert f(1) == 2", "assert f(2) == 3"],
      test_setup_code: "import math",
    };
    expect(testOf(row, "Add.")).toEqual({ setup: "import math", test: "assert f(1) == 2\nassert f(2) == 3" });
  });

  it("of HumanEval are called with the function", () => {
    const test = "def check(candidate):\n    assert candidate(1) == 2";
    expect(testOf({ prompt: "def f(x):", entry_point: "f", test }, "")?.test).toBe(`${test}\ncheck(f)\n`);
  });

  it("may be a text or lines under test or tests", () => {
    expect(testOf({ tests: "assert f(1)" }, "")).toEqual({ setup: "", test: "assert f(1)" });
    expect(testOf({ test: ["assert f(1)", "assert f(2)"] }, "")?.test).toBe("assert f(1)\nassert f(2)");
  });

  it("may stand in the request, as MBPP's prompts have them", () => {
    const request = "Write f. Your code should pass:\nassert f(1) == 2\nassert f(2) == 3\n";
    expect(testOf({ instruction: request }, request)?.test).toBe("assert f(1) == 2\nassert f(2) == 3");
  });

  it.each([
    ["no object", "assert f(1)"],
    ["a list", [{ tests: "assert f(1)" }]],
    ["null", null],
    ["no tests", { instruction: "Add." }],
    ["empty tests", { tests: "  " }],
    ["tests of another kind", { tests: { input: 1, output: 2 } }],
    ["a mixed list", { test_list: ["assert f(1)", 2] }],
    ["tests that do not parse", { tests: "assert f(1" }],
    ["tests that assert nothing", { tests: "f(1)" }],
    ["tests without end", { tests: `assert f(1)\n${"#".repeat(200_000)}` }],
  ])("are none where there is %s", (_name, row) => {
    expect(testOf(row, "Add two numbers; assert nothing.")).toBeNull();
  });
});

describe("the program that is tested", () => {
  const test = { setup: "import math", test: "assert True" };

  it("is the answer below the setup", () => {
    expect(programOf(test, {}, "x = 1")).toBe("import math\nx = 1");
  });

  it("begins with HumanEval's prompt where the answer only goes on with it", () => {
    const row = { prompt: 'def f(x):\n    """Twice."""\n', entry_point: "f" };
    expect(programOf({ ...test, setup: "" }, row, "    return 2 * x")).toBe(
      'def f(x):\n    """Twice."""\n    return 2 * x',
    );
    expect(programOf({ ...test, setup: "" }, row, "def f(x):\n    return 2 * x")).toBe("def f(x):\n    return 2 * x");
  });
});
