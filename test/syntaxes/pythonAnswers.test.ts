import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import oniguruma from "vscode-oniguruma";
import textmate, { type IGrammar, type IOnigLib } from "vscode-textmate";

/*
 * The grammars are checked against VS Code's own JSON Lines and Python grammars where an installed VS Code holds them,
 * and everywhere against small stand-ins, which have the scopes and the traps of the real ones: neither grammar is
 * this project's to copy.
 */
const ROOT = join(__dirname, "../..");
const EXTENSIONS = join(ROOT, ".cache/code-server/node_modules/code-server/lib/vscode/extensions");
const REAL = {
  "source.json.lines": join(EXTENSIONS, "json/syntaxes/JSONL.tmLanguage.json"),
  "source.python": join(EXTENSIONS, "python/syntaxes/MagicPython.tmLanguage.json"),
  "source.regexp.python": join(EXTENSIONS, "python/syntaxes/MagicRegExp.tmLanguage.json"),
};
const STAND_INS = {
  "source.json.lines": join(__dirname, "standIns/json-lines.tmLanguage.json"),
  "source.python": join(__dirname, "standIns/python.tmLanguage.json"),
};
const INJECTED = {
  "tunesmith.python-answers.injection": join(ROOT, "syntaxes/python-answers.tmLanguage.json"),
  "tunesmith.python-answers-escapes.injection": join(ROOT, "syntaxes/python-answers-escapes.tmLanguage.json"),
};

let engine: Promise<IOnigLib> | undefined;

async function loadEngine(): Promise<IOnigLib> {
  const wasm = readFileSync(createRequire(__filename).resolve("vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm);
  return {
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  };
}

async function load(base: Record<string, string>, injected: Record<string, string> = INJECTED): Promise<IGrammar> {
  engine ??= loadEngine();
  const files: Record<string, string> = { ...base, ...injected };
  const registry = new textmate.Registry({
    onigLib: engine,
    loadGrammar: async (scope) => {
      const file = files[scope];
      return file ? textmate.parseRawGrammar(readFileSync(file, "utf8"), file) : null;
    },
    getInjections: (scope) => (scope === "source.json.lines" ? Object.keys(injected) : []),
  });
  return (await registry.loadGrammar("source.json.lines"))!;
}

interface Token {
  text: string;
  scopes: string[];
}

/** Each line from the beginning, as if it were the first. */
function tokenize(grammar: IGrammar, line: string): Token[] {
  return grammar.tokenizeLine(line, textmate.INITIAL).tokens.map(({ startIndex, endIndex, scopes }) => ({
    text: line.slice(startIndex, endIndex),
    scopes: scopes.slice(1),
  }));
}

const SAMPLES = readFileSync(join(__dirname, "samples.jsonl"), "utf8").trimEnd().split("\n");

function dump(grammar: IGrammar): string {
  const blocks = SAMPLES.map((line) => {
    const tokens = tokenize(grammar, line).map(({ text, scopes }) => {
      const shown = scopes.filter((scope) => !scope.startsWith("meta.structure."));
      return `  ${JSON.stringify(text)} ${shown.join(" ")}`.trimEnd();
    });
    return [line, ...tokens].join("\n");
  });
  return `${blocks.join("\n\n")}\n`;
}

/** On a difference the new dump is left beside the golden file, to be looked at and, if right, to take its place. */
function expectGolden(name: string, actual: string): void {
  const golden = join(__dirname, "golden", `${name}.txt`);
  const expected = existsSync(golden) ? readFileSync(golden, "utf8") : "";
  if (actual === expected) rmSync(`${golden}.actual`, { force: true });
  else writeFileSync(`${golden}.actual`, actual);
  expect(actual).toBe(expected);
}

function sharedTests(files: Record<string, string>, golden: string): void {
  it("colours the samples as in the golden file", async () => {
    expectGolden(golden, dump(await load(files)));
  });

  it("never lets Python run past the end of the answer", async () => {
    const grammar = await load(files);
    const piece = fc.constantFrom(
      ...'def f(, import x, \'a, "b, \'\'\'c, """d, (, [, {, #, \\, \\n, \n, \t, ```python, ```, return, f"{, é, \u0001, x = '.split(
        ", ",
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("x = ", "def f():\n", "", "```python\n"),
        fc.array(piece, { maxLength: 12 }),
        (start, pieces) => {
          const line = JSON.stringify({ output: start + pieces.join(" "), next: true });
          const tokens = tokenize(grammar, line);
          const [value, end] = tokens.slice(-2);
          expect([value!.text, end!.text]).toEqual(["true", "}"]);
          expect(value!.scopes.at(-1)).toBe("constant.language.json.lines");
          expect(tokens.map(({ text }) => text).join("")).toBe(line);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("leaves what is no answer as it was", async () => {
    const plain = await load(files, {});
    const grammar = await load(files);
    const lines = [
      JSON.stringify({ instruction: "def f(): pass", output: "Some words, don't you think?", source: "import x" }),
      JSON.stringify([{ text: 'say "output": "def f()"' }, "output", { other: "x = 1" }]),
    ];
    for (const line of lines) expect(tokenize(grammar, line)).toEqual(tokenize(plain, line));
  });
}

describe("Python in answers, over the stand-in grammars", () => sharedTests(STAND_INS, "stand-ins"));

// Without an installed VS Code there are no grammars of its own; the stand-ins' tests have run then all the same.
describe.skipIf(!Object.values(REAL).every((file) => existsSync(file)))(
  "Python in answers, over VS Code's own grammars",
  () => sharedTests(REAL, "vscode"),
);

it("the injected grammars name each other and the scopes they are injected under", () => {
  for (const [scope, file] of Object.entries(INJECTED)) {
    expect(JSON.parse(readFileSync(file, "utf8")).scopeName).toBe(scope);
  }
});
