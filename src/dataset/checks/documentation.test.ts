import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scanFile } from "../scan/scanFile";
import { TokenCheck } from "../scan/tokenStage";
import { loadTokenizer, type Tokenizer } from "../tokenizer";
import { type CheckDocumentation, documentation } from "./documentation";
import { type CheckId, checkIds, checks } from "./table";

const MODEL = join(__dirname, "../../../models/tiny-python");

/** Columns do not count a byte order mark. */
function shown(line: string | undefined): string | undefined {
  return line?.replace(/^\ufeff/, "");
}

function startsWith(text: string): RegExp {
  return new RegExp(`^${text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}`);
}

describe("the example of each check", () => {
  let folder: string;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tunesmith-checks-"));
    tokenizer = await loadTokenizer(MODEL);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function found(id: CheckId, about: CheckDocumentation, lines: readonly string[]) {
    const path = join(folder, `${id}.jsonl`);
    const heldOut = join(folder, `${id}.held.jsonl`);
    writeFileSync(path, lines.join("\n"), about.bytes ? "latin1" : "utf8");
    if (about.heldOut) writeFileSync(heldOut, about.heldOut.join("\n"));
    const { sequenceLength } = about;
    const tokens = sequenceLength ? new TokenCheck(tokenizer, { sequenceLength, template: "auto" }) : undefined;
    const { findings } = await scanFile(path, { tokens, ...(about.heldOut ? { heldOut } : {}) });
    return findings.filter(({ check }) => check === id);
  }

  it.each(checkIds.filter((id) => id !== "no-data-set"))("%s", async (id) => {
    const about = documentation[id];
    const marks = await found(id, about, about.bad);
    const [line, text] = about.at;
    const marked = marks.map((mark) => [
      mark.line,
      shown(about.bad[mark.line - 1])?.slice(mark.column - 1, mark.endColumn - 1) ?? "",
    ]);
    expect(marked).toContainEqual([line, expect.stringMatching(startsWith(text))]);
    expect(marks[0]!.severity).toBe(checks[id].severity);
    expect(await found(id, about, about.good)).toEqual([]);
  });
});
