/** The pages of docs/checks/. */

import { type CheckDocumentation, documentation } from "../../src/dataset/checks/documentation";
import { type CheckId, type CheckStage, checkIds, checks } from "../../src/dataset/checks/table";

const STAGES: Record<CheckStage, string> = {
  structure: "each row's JSON, fields, types and roles",
  text: "each row's texts",
  python: "Python in each row's answers",
  tokens: "each row with the model's tokenizer",
  file: "the rows beside each other",
};
const LONGEST_LINE = 300;
const MOST_LINES = 6;

/** File name → content. */
export function checkPages(): Map<string, string> {
  const pages = new Map(checkIds.map((id) => [`${id}.md`, checkPage(id)]));
  return pages.set("README.md", overview());
}

function checkPage(id: CheckId): string {
  const { title, severity, stage } = checks[id];
  const about = documentation[id];
  return `# ${title}

\`${id}\` · ${severity} · looks at ${STAGES[stage]}

${about.why}

## What to do
${about.mend}

## Example
${example(about)}
## Settings
\`"tunesmith.checks": { "${id}": "off" }\`, or \`"error"\`, \`"warning"\`, \`"information"\`; on the command line \`tunesmith validate --check ${id}=off\`.
`;
}

function example({ bad, good, at, heldOut, sequenceLength }: CheckDocumentation): string {
  const beside = [
    heldOut ? ["With this row in the held-out file:", block(heldOut)] : [],
    sequenceLength ? [`With a sequence length of ${sequenceLength} tokens:\n`] : [],
  ].flat();
  const found =
    bad.length === 0
      ? "An empty file."
      : `${block(bad)}\nis marked in line ${at[0]}${at[1].trim() === "" ? "" : ` at \`\`${at[1]}\`\``}. In order:\n`;
  return [...beside, found, block(good), ""].join("\n");
}

function block(lines: readonly string[]): string {
  const shown = lines.slice(0, MOST_LINES).map((line) => {
    const visible = line.replace(/\r$/, "␍");
    return visible.length > LONGEST_LINE ? `${visible.slice(0, LONGEST_LINE)} …` : visible;
  });
  if (lines.length > MOST_LINES) shown.push(`… ${lines.length - MOST_LINES} more lines`);
  // A fence in an example must not end the block.
  return `\`\`\`\`jsonl\n${shown.join("\n")}\n\`\`\`\``;
}

function overview(): string {
  const sections = (Object.keys(STAGES) as CheckStage[]).map((stage) => {
    const rows = checkIds
      .filter((id) => checks[id].stage === stage)
      .map((id) => `| [\`${id}\`](${id}.md) | ${checks[id].title} | ${checks[id].severity} |`);
    const heading = `## ${STAGES[stage][0]!.toUpperCase()}${STAGES[stage].slice(1)}`;
    return `${heading}\n| check | finds | severity |\n|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `# Checks of a data set

**Error**: the row must be mended, training leaves it out. **Warning**: well formed, but of no use or harmful as it is. **Information**: worth a look. The setting \`tunesmith.checks\` changes a check's severity or turns it off.

These pages are made from \`src/dataset/checks/table.ts\` and \`documentation.ts\` by \`npm run generate\`.

${sections.join("\n")}`;
}
