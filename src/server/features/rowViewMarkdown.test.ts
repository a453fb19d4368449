import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { canonicalDialect } from "../../dataset/formats/detect";
import type { Dialect, JsonObject } from "../../dataset/formats/format";
import { formatById } from "../../dataset/formats/registry";
import { cutPoint, renderRow, renderWithoutTokens } from "../../dataset/rowTokens";
import { loadTokenizer, type Tokenizer } from "../../dataset/tokenizer";
import type { RowView } from "./rowView";
import { escapeMarkdown, rowMarkdown } from "./rowViewMarkdown";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(join(__dirname, "../../../models/tiny-python"));
});

const text = fc
  .tuple(
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.string({ unit: fc.constantFrom(..."<>&\"'`*_[]()#\n\t\r \u0000\u202e"), maxLength: 12 }),
    ),
    fc.constantFrom(1, 2, 400),
  )
  .map(([piece, times]) => piece.repeat(times));
const message = (role: string) => text.map((content) => ({ role, content }));
const rows: fc.Arbitrary<[Dialect, JsonObject]> = fc.oneof(
  fc
    .record({ instruction: text, input: text, output: text })
    .map((row) => [dialect("alpaca"), row] as [Dialect, JsonObject]),
  fc
    .record({ prompt: text, completion: text })
    .map((row) => [dialect("prompt-completion"), row] as [Dialect, JsonObject]),
  fc
    .array(fc.tuple(message("user"), message("assistant")), { minLength: 1, maxLength: 20 })
    .map((turns) => [dialect("chat"), { messages: turns.flat() }] as [Dialect, JsonObject]),
);
const dialect = (id: "alpaca" | "prompt-completion" | "chat") => canonicalDialect(formatById(id));

/** Without markup: what a person reads. */
const read = (markdown: string) => {
  const [, body] = /<p><code>(.*)<\/code><\/p>/.exec(markdown)!;
  return body!.replace(/<br>/g, "\n").replace(/<[^>]*>/g, "");
};

describe("a row as Markdown", () => {
  it("is short, one block, and nothing in it but the markup that is allowed", async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 400 }), async ([dialect, row], limit) => {
        const rendered = await renderRow(row, dialect, tokenizer);
        const { total, prompt, response, segments } = rendered;
        const cut = await cutPoint(rendered, limit, tokenizer);
        const counts = { total, prompt, response, limit, cut };
        const views: RowView[] = [
          { row, dialect, template: rendered.template.name, segments, counts },
          { row, dialect, template: null, segments: renderWithoutTokens(row, dialect), counts: null },
        ];
        for (const view of views) {
          const markdown = rowMarkdown(view);
          expect(markdown.length).toBeLessThan(6_000);
          expect(markdown.split("\n\n")).toHaveLength(3);
          expect(markdown.split("\n\n")[1]).not.toContain("\n");
          const tags = [...markdown.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
          for (const tag of tags) {
            expect(tag).toMatch(/^<(\/?(b|p|code|span)|br|span style="color:var\(--vscode(-[a-zA-Z]+)+\);")>$/);
          }
          expect(tags.filter((tag) => tag.startsWith("<span")).length).toBe(
            tags.filter((tag) => tag === "</span>").length,
          );
          expect(markdown.includes("✂")).toBe(view.counts?.cut != null || JSON.stringify(row).includes("✂"));
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 20_000 },
    );
  });

  it("marks the cut at the very place", async () => {
    const row = { prompt: "p", completion: Array.from({ length: 50 }, (_, n) => `n${n}`).join(" ") };
    const completion = dialect("prompt-completion");
    const rendered = await renderRow(row, completion, tokenizer);
    const limit = 40;
    const cut = (await cutPoint(rendered, limit, tokenizer))!;
    const { total, prompt, response, segments } = rendered;
    const shown = read(
      rowMarkdown({
        row,
        dialect: completion,
        template: null,
        segments,
        counts: { total, prompt, response, limit, cut },
      }),
    );
    const kept = row.completion.slice(0, cut.offset);
    expect(shown).toContain(`p${kept}✂ 40 tokens ✂${row.completion.slice(cut.offset)}`);
  });

  it("takes Markdown's signs for what they are", () => {
    expect(escapeMarkdown("a*b_[c](d)\n<e>`")).toBe("a\\*b\\_\\[c\\]\\(d\\) &lt;e&gt;\\`");
  });
});
