import { resolve } from "node:path";
import { version } from "../../../package.json";
import { type Scan, scanFile } from "../../dataset/scan/scanFile";
import { TokenCheck } from "../../dataset/scan/tokenStage";
import { loadTokenizer, type Tokenizer } from "../../dataset/tokenizer";
import { describeError } from "../../disk/describeError";
import type { Command, CommandContext } from "../command";
import { installRoot } from "../installRoot";
import { type ValidationDocument, validationDocument } from "../validation/document";
import { fileOptions, readValidationOptions, type ValidationOptions, validationOptions } from "../validation/options";
import { type ReportPaths, writeReport } from "../validation/report";
import { sarifLog } from "../validation/sarif";
import { problemLine, summaryLines } from "../validation/text";

const FOUND_ERRORS = 1;
const COULD_NOT_RUN = 2;
/** A hook's log is not to be filled with the progress of small files. */
const QUIET_MS = 2000;

/** Exit code: 0 no errors, 1 errors, 2 a file could not be checked. */
export const command: Command = {
  name: ["validate"],
  summary: "check data sets and list what is wrong with their rows, most serious first",
  positionals: { usage: "FILE…", min: 1, max: Infinity },
  options: validationOptions,
  failureCode: COULD_NOT_RUN,
  async run(context) {
    const options = readValidationOptions(context);
    const tokenizer = await tokenizerFor(options, context);
    const documents: ValidationDocument[] = [];
    const failures: string[] = [];
    for (const file of context.positionals) {
      try {
        const validated = await validate(file, context, options, tokenizer);
        print(context, options, validated);
        const { document } = validated;
        documents.push(options.output === "sarif" ? document : { ...document, problems: [] });
      } catch (error) {
        context.signal.throwIfAborted();
        failures.push(describeError(error));
      }
    }
    if (options.output === "sarif" && !context.json) {
      context.print(JSON.stringify(sarifLog(documents, { version, root: installRoot(), cwd: context.cwd, failures })));
    }
    if (failures.length > 0) throw new Error(failures.join("\n"));
    return documents.some(({ totals }) => totals.error > 0) ? FOUND_ERRORS : 0;
  },
};

async function tokenizerFor({ tokens }: ValidationOptions, context: CommandContext): Promise<Tokenizer | null> {
  if (tokens === null) return null;
  if (context.json) context.progress("Loading the tokenizer", null);
  return loadTokenizer(tokens.folder);
}

interface Validated {
  document: ValidationDocument;
  scan: Scan;
  report: ReportPaths | null;
}

async function validate(
  file: string,
  context: CommandContext,
  { scope, severities, mostProblems, tokens, report, ...options }: ValidationOptions,
  tokenizer: Tokenizer | null,
): Promise<Validated> {
  const path = resolve(context.cwd, file);
  const scan = await scanFile(path, {
    ...fileOptions(context, path, options),
    scope,
    severities,
    most: mostProblems,
    tokens: tokens === null || tokenizer === null ? undefined : new TokenCheck(tokenizer, tokens),
    signal: context.signal,
    progress: context.json ? context.progress : afterSilence(context.progress),
  });
  const document = validationDocument(file, scan);
  const written = report === null ? null : await writeReport(report, document, scan, installRoot());
  return { document, scan, report: written };
}

function afterSilence(progress: CommandContext["progress"]): CommandContext["progress"] {
  const started = performance.now();
  return (...stage) => {
    if (performance.now() - started > QUIET_MS) progress(...stage);
  };
}

function print(context: CommandContext, options: ValidationOptions, { document, scan, report }: Validated): void {
  const { problems, file } = document;
  if (context.json) {
    for (const { line: _, ...problem } of problems) context.problem({ ...problem, file: scan.path });
    const { problems: _, ...totals } = document;
    context.result({ ...totals, notCompared: scan.notCompared, report }, "");
    return;
  }
  if (options.output === "json") context.print(JSON.stringify(document));
  if (options.output !== "text") return;
  for (const problem of problems) context.print(problemLine(file, problem));
  for (const line of summaryLines(document, scan)) context.print(line);
  if (report !== null) context.print(`Report: ${report.markdown}`);
}
