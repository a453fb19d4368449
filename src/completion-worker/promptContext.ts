import type { Tokenizer } from "../dataset/tokenizer";
import type { ContextSnippet, PromptSection } from "../protocol/worker";
import { tokensOf } from "./promptTokens";
import { keepStart } from "./promptWindow";

/** Of one snippet at most, however large the budget: a workspace's file is not to be trusted with its length. */
const LONGEST_SNIPPET = 20_000;
const MOST_SNIPPETS = 64;
/** Less than that of a snippet is no help. */
const SHORTEST_PIECE = 40;

export interface ContextPart {
  ids: number[];
  sections: PromptSection[];
}

/**
 * Code from elsewhere as it stands before the file's own: a comment with its path, then the code. Snippets are taken in
 * their order until `budget` tokens are full; the last one may be cut at a line. Each is tokenized apart, so that its
 * tokens do not depend on its neighbours.
 */
export async function contextPart(
  snippets: readonly ContextSnippet[],
  budget: number,
  tokenizer: Pick<Tokenizer, "encode">,
): Promise<ContextPart> {
  const part: ContextPart = { ids: [], sections: [] };
  if (budget <= 0 || snippets.length === 0) return part;
  const texts = snippets.slice(0, MOST_SNIPPETS).map(textOf);
  const encoded = await tokensOf(texts, tokenizer);
  for (const [i, text] of texts.entries()) {
    const room = budget - part.ids.length;
    const fitting =
      encoded[i]!.length <= room ? { text, ids: encoded[i]! } : await cut(text, encoded[i]!, room, tokenizer);
    if (fitting === null) continue;
    part.ids.push(...fitting.ids);
    const { path, kind } = snippets[i]!;
    part.sections.push({
      kind: "context",
      label: `${kind}: ${path}`,
      text: fitting.text,
      tokens: fitting.ids.length,
      room,
    });
  }
  return part;
}

function textOf({ path, text }: ContextSnippet): string {
  const code = keepStart(text.replace(/\r\n?/g, "\n"), LONGEST_SNIPPET).trimEnd();
  return `# ${path.replace(/[\r\n]/g, " ").slice(0, 200)}\n${code}\n\n`;
}

/** Whole lines from the beginning, as many as there is room for. */
async function cut(
  text: string,
  ids: readonly number[],
  room: number,
  tokenizer: Pick<Tokenizer, "encode">,
): Promise<{ text: string; ids: number[] } | null> {
  const kept = keepStart(text, Math.floor((0.9 * text.length * room) / ids.length));
  if (kept.length < SHORTEST_PIECE || !kept.includes("\n")) return null;
  const [encoded] = (await tokensOf([kept], tokenizer)) as [number[]];
  return encoded.length <= room ? { text: kept, ids: encoded } : null;
}
