import type { ServerContext } from "../feature";
import type { JsonlDocument } from "../jsonlDocument";

/** Nobody is kept waiting longer; what is known by then must do. */
const LONGEST_WAIT_MS = 3000;

/** Resolves once the rows of a document that has just been opened or edited are known, which is a matter of moments. */
export function whenStructured({ analyses }: ServerContext, document: JsonlDocument): Promise<void> {
  const known = () => document.lines.at(-1)?.record !== undefined && analyses.state(document.uri) !== undefined;
  if (known()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      progress.dispose();
      resolve();
    };
    const timer = setTimeout(end, LONGEST_WAIT_MS);
    const progress = analyses.onDidProgress(() => {
      if (known()) end();
    });
  });
}
