import type { Command } from "./command";
import type { RegisteredCommand } from "./registry";

/** `tunesmith --help`: made of the registry alone, so that no command is loaded. */
export function overview(registered: readonly RegisteredCommand[]): string {
  const rows = registered.map(({ name, summary }) => [name.join(" "), summary] as const);
  return `Usage: tunesmith COMMAND [options]\n\n${table(rows)}\n\ntunesmith COMMAND --help says more about one of them.`;
}

export function commandUsage(command: Command): string {
  const words = ["Usage: tunesmith", ...command.name];
  if (command.positionals !== undefined) {
    words.push(command.positionals.min === 0 ? `[${command.positionals.usage}]` : command.positionals.usage);
  }
  const options = Object.entries(command.options).map(([name, option]) => {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    const value = option.type === "string" ? ` ${option.value ?? "VALUE"}` : "";
    return [`${short}--${name}${value}`, option.description] as const;
  });
  const shared = [
    ["--progress text|json", "how progress is reported; json: one message a line on stdout"],
    ["-h, --help", "show this text"],
  ] as const;
  return `${words.join(" ")} [options]\n\n${capitalised(command.summary)}.\n\n${table([...options, ...shared])}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
