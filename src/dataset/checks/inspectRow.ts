import { type RowFacts, rowFacts } from "../duplicates/rowFacts";
import type { Dialect, JsonObject } from "../formats/format";
import type { RowProblem } from "../problem";
import { checkPython } from "./python/checkPython";
import { loadPythonParser } from "./python/parser";
import type { CheckId } from "./table";
import { checkText } from "./text/registry";

/** Checks of how somebody is answered. */
const OF_ANSWERS: ReadonlySet<CheckId> = new Set<CheckId>(["boilerplate", "refusal", "truncated-answer"]);

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
    // What is to be continued is a fragment: it need not parse alone, and answers nobody.
    const whole = format.shape === "instruction" || format.shape === "chat";
    for (const part of texts) {
      for (const problem of checkText(part)) if (whole || !OF_ANSWERS.has(problem.check)) problems.push(problem);
      if (!this.python || !whole || part.role !== "answer") continue;
      problems.push(...this.python(part, { pythonDataset: mostlyPython }));
    }
    return { problems, facts: rowFacts(texts) };
  }
}
