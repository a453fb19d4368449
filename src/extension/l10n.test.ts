import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = join(__dirname, "..", "..");
const readJson = (path: string) => JSON.parse(readFileSync(join(root, path), "utf8"));

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ts$/.test(name) && !/\.test\.ts$|\.d\.ts$/.test(name))
    .map((name) => join(folder, name));
}

/** What is passed to `vscode.l10n.t`, to the pages' `t` and to functions that take `t` as an argument. */
function textsIn(file: string): { text: string; where: string }[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.ES2022, true);
  const found: { text: string; where: string }[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isCallExpression(node) && /(^|\bl10n\.)t$/.test(node.expression.getText())) {
      const [argument] = node.arguments;
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      const where = `${relative(root, join(root, file))}:${line + 1}`;
      if (argument !== undefined && ts.isStringLiteral(argument)) found.push({ text: argument.text, where });
      else if (!/texts\.ts$/.test(file) && argument?.getText() !== "message") found.push({ text: "", where });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const used = [...sourceFiles("src/extension"), ...sourceFiles("webview")].flatMap(textsIn);

describe("texts that can be translated", () => {
  it("are written out where they are used", () => {
    expect(used.filter(({ text }) => text === "")).toEqual([]);
  });

  it("are all in l10n/bundle.l10n.json, and nothing else is", () => {
    const bundle = readJson("l10n/bundle.l10n.json");
    expect(Object.keys(bundle).sort()).toEqual([...new Set(used.map(({ text }) => text))].sort());
  });

  it("of package.json are all in package.nls.json, and nothing else is", () => {
    const manifest = readFileSync(join(root, "package.json"), "utf8");
    const keys = [...manifest.matchAll(/"%([\w.-]+)%"/g)].map((match) => match[1]!);
    expect([...new Set(keys)].sort()).toEqual(Object.keys(readJson("package.nls.json")).sort());
  });
});

describe("the manifest", () => {
  const { contributes } = readJson("package.json");

  it("declares the commands that are registered", () => {
    const index = readFileSync(join(root, "src/extension/commands/index.ts"), "utf8");
    const registered = [...index.matchAll(/^import \{ (\w+) \} from "\.\/(?!command")/gm)].map(([, name]) => name);
    const declared = contributes.commands.map(({ command }: { command: string }) => command.replace("tunesmith.", ""));
    expect(declared.sort()).toEqual(registered.sort());
  });

  it("keeps what names programs and models out of a folder's settings", () => {
    for (const name of ["enginePath", "modelPaths", "defaultModel", "runsFolder", "tokenizerPath", "hubEndpoint"]) {
      expect(contributes.configuration.properties[`tunesmith.${name}`].scope, name).toBe("machine");
    }
  });
});
