/** A table of Markdown; cells are Markdown themselves and may hold no bar. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A text that is shown as it is: a run's name may hold anything. */
export function escapeMarkdown(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").replace(/[!-/:-@[-`{-~]/g, "\\$&");
}
