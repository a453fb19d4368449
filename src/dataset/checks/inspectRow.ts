import { type RowFacts, rowFacts } from "../duplicates/rowFacts";
import type { Dialect, Format, JsonObject } from "../formats/format";
import type { RowProblem } from "../problem";
import { asksForAnswer } from "./asksForAnswer";
import { checkPython } from "./python/checkPython";
import { loadPythonParser } from "./python/parser";
import type { CheckId } from "./table";
import { checkText } from "./text/registry";
import type { TextPart } from "./textPart";

/** How a row's texts are to be taken. */
interface Reading {
  excluded: ReadonlySet<CheckId>;
  /** An answer stands alone: its Python must parse. */
  wholeAnswers: boolean;
}

const WHOLE: Reading = { excluded: new Set(), wholeAnswers: true };
/** It may end anywhere, even where the prompt asks. */
const COMPLETION: Reading = { excluded: new Set<CheckId>(["truncated-answer"]), wholeAnswers: true };
/** It answers nobody. */
const CONTINUATION: Reading = {
  excluded: new Set<CheckId>(["boilerplate", "refusal", "truncated-answer"]),
  wholeAnswers: false,
};
/** What one part opens another may close. */
const FRAGMENTS: Reading = {
  excluded: new Set<CheckId>([...CONTINUATION.excluded, "unbalanced-fence"]),
  wholeAnswers: false,
};

/** The checks that read a row's texts, and what is kept of it to compare it with others. */
export class RowInspector {
  /** Without `python` Python is left unchecked. */
  constructor(private readonly python: typeof checkPython | null = null) {}

  /** With every check; takes a tenth of a second the first time. */
  static async load(): Promise<RowInspector> {
    await loadPythonParser();
    return new RowInspector(checkPython);
  }

  /** Only for a row in which checkRow found no problem. */
  inspect(row: JsonObject, { format, layout, mostlyPython }: Dialect): { problems: RowProblem[]; facts: RowFacts } {
    const texts = format.texts(row, layout);
    const problems: RowProblem[] = [];
    const { excluded, wholeAnswers } = readingOf(format, texts);
    for (const part of texts) {
      for (const problem of checkText(part)) if (!excluded.has(problem.check)) problems.push(problem);
      if (!this.python || !wholeAnswers || part.role !== "answer") continue;
      problems.push(...this.python(part, { pythonDataset: mostlyPython }));
    }
    return { problems, facts: rowFacts(texts) };
  }
}

const fence = /^ {0,3}(?:```|~~~)/m;

function readingOf(format: Format, texts: readonly TextPart[]): Reading {
  if (format.shape === "instruction" || format.shape === "chat") return WHOLE;
  if (format.shape === "fim") return FRAGMENTS;
  const prompt = texts.find(({ role }) => role === "instruction");
  if (prompt === undefined) return CONTINUATION;
  if (asksForAnswer(prompt.text)) return COMPLETION;
  return fence.test(prompt.text) ? FRAGMENTS : CONTINUATION;
}
