import { parseArgs } from "node:util";
import { describeError } from "../disk/describeError";
import { Cancelled, type Command, type CommandContext, type ParseArgsOptions, UsageError } from "./command";
import { commands, type RegisteredCommand } from "./registry";
import { type Console, createReporter } from "./reporter";
import { commandUsage, overview } from "./usage";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_CANCELLED = 130;

export interface CliProcess extends Console {
  cwd(): string;
  on(event: "SIGINT" | "SIGTERM", listener: () => void): unknown;
  off(event: "SIGINT" | "SIGTERM", listener: () => void): unknown;
}

/** Runs one subcommand and returns the exit code: 0 done, 1 failed, 2 wrong arguments, 130 cancelled. */
export async function runCli(
  argv: readonly string[],
  process: CliProcess,
  registered: readonly RegisteredCommand[] = commands,
): Promise<number> {
  const entry = findCommand(argv, registered);
  if (entry === undefined) return withoutCommand(argv, process, registered);
  let command: Command | undefined;
  const reporter = createReporter(process, asksForJson(argv));
  try {
    command = await entry.load();
    const parsed = parse(command, argv.slice(entry.name.length));
    if (parsed.values.help) {
      process.stdout.write(`${commandUsage(command)}\n`);
      return 0;
    }
    return await runWithSignals(command, parsed, reporter, process);
  } catch (error) {
    if (error instanceof UsageError) {
      reporter.fail(error.message);
      if (command !== undefined) process.stderr.write(`\n${commandUsage(command)}\n`);
      return EXIT_USAGE;
    }
    if (error instanceof Cancelled || (error instanceof Error && error.name === "AbortError")) {
      reporter.fail(new Cancelled().message);
      return EXIT_CANCELLED;
    }
    reporter.fail(describeError(error));
    return command?.failureCode ?? EXIT_FAILED;
  }
}

function withoutCommand(
  argv: readonly string[],
  process: CliProcess,
  registered: readonly RegisteredCommand[],
): number {
  const [first] = argv;
  if (first === "--help" || first === "-h" || first === "help") {
    process.stdout.write(`${overview(registered)}\n`);
    return 0;
  }
  const message = first === undefined ? "A command is missing." : `There is no command "${first}".`;
  createReporter(process, asksForJson(argv)).fail(message);
  process.stderr.write(`\n${overview(registered)}\n`);
  return EXIT_USAGE;
}

/** The longest name wins: "dataset from-python" before a possible "dataset". */
function findCommand(argv: readonly string[], registered: readonly RegisteredCommand[]): RegisteredCommand | undefined {
  return registered
    .filter((command) => command.name.every((word, index) => argv[index] === word))
    .sort((a, b) => b.name.length - a.name.length)[0];
}

/** Read before the arguments are parsed, so that wrong arguments are reported in the form asked for too. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) => word === "--progress=json" || (word === "--progress" && argv[index + 1] === "json"),
  );
}

function parse(command: Command, args: readonly string[]) {
  const options: ParseArgsOptions = { progress: { type: "string" }, help: { type: "boolean", short: "h" } };
  for (const [name, { type, short, multiple }] of Object.entries(command.options)) {
    options[name] = {
      type,
      ...(short === undefined ? {} : { short }),
      ...(multiple === undefined ? {} : { multiple }),
    };
  }
  const { values, positionals } = parseOrUsageError(args, options);
  if (values.help) return { values, positionals };
  const { min, max, usage } = command.positionals ?? { min: 0, max: 0, usage: "" };
  if (positionals.length < min) throw new UsageError(`${usage} is missing.`);
  if (positionals.length > max) throw new UsageError(`"${positionals[max]}" is one word too many.`);
  if (values.progress !== undefined && values.progress !== "json" && values.progress !== "text") {
    throw new UsageError(`--progress must be text or json, not "${values.progress}".`);
  }
  return { values, positionals };
}

function parseOrUsageError(args: readonly string[], options: ParseArgsOptions) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function runWithSignals(
  command: Command,
  parsed: { values: CommandContext["values"]; positionals: string[] },
  reporter: ReturnType<typeof createReporter>,
  process: CliProcess,
): Promise<number> {
  const abort = new AbortController();
  const unhook = () => {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  };
  const onSignal = () => {
    abort.abort(new Cancelled());
    // Asked a second time the process ends at once: whatever it is still saving may go.
    unhook();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    const { fail: _, ...report } = reporter;
    return await command.run({ ...report, ...parsed, cwd: process.cwd(), signal: abort.signal });
  } finally {
    reporter.endProgress();
    unhook();
  }
}
