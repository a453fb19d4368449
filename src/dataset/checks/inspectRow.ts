import { type RowFacts, rowFacts } from "../duplicates/rowFacts";
import type { Dialect, JsonObject } from "../formats/format";
import type { RowProblem } from "../problem";
import { checkText } from "./text/registry";
import type { TextCheck } from "./textPart";

/** The checks that read a row's texts, and what is kept of it to compare it with others. */
export class RowInspector {
  /** `python`: null leaves Python unchecked. */
  constructor(private readonly python: TextCheck | null) {}

  /** Only for a row in which checkRow found no problem. */
  inspect(row: JsonObject, { format, layout }: Dialect): { problems: RowProblem[]; facts: RowFacts } {
    const texts = format.texts(row, layout);
    const problems: RowProblem[] = [];
    for (const part of texts) {
      problems.push(...checkText(part));
      // What is to be continued is a fragment: it need not parse alone.
      const whole = format.shape === "instruction" || format.shape === "chat";
      if (this.python && whole && part.role === "answer") problems.push(...this.python(part));
    }
    return { problems, facts: rowFacts(texts) };
  }
}
