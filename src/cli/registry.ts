import type { Command } from "./command";

/** What the overview needs without loading the command: its modules may hold native code. */
export interface RegisteredCommand {
  name: readonly string[];
  summary: string;
  load(): Promise<Command>;
}

const entry = (words: string, summary: string, load: () => Promise<{ command: Command }>): RegisteredCommand => ({
  name: words.split(" "),
  summary,
  load: async () => (await load()).command,
});

/** Every subcommand of `tunesmith`, in the overview's order. */
export const commands: readonly RegisteredCommand[] = [
  entry(
    "dataset from-python",
    "make a data set of the functions with docstrings below a folder",
    () => import("./commands/datasetFromPython"),
  ),
  entry(
    "dataset infilling-tasks",
    "cut tasks for eval-completion from the Python files below a folder",
    () => import("./commands/datasetInfillingTasks"),
  ),
  entry(
    "dataset import",
    "make a data set of Parquet, Arrow, JSON, CSV or TSV files, or of a folder of Hugging Face datasets",
    () => import("./commands/datasetImport"),
  ),
  entry(
    "dataset convert",
    "write a data set in another format, and say what is lost",
    () => import("./commands/datasetConvert"),
  ),
  entry(
    "dataset normalise",
    "take the byte order mark away and end every line with LF, in place",
    () => import("./commands/datasetNormalise"),
  ),
  entry(
    "dataset statistics",
    "say what a data set is made of: lengths, split, duplicates, languages, tasks, problems",
    () => import("./commands/datasetStatistics"),
  ),
  entry("validate", "check a data set and list every row that cannot be used", () => import("./commands/validate")),
  entry(
    "summarize",
    "say what preparation would make of a data set, without writing it",
    () => import("./commands/summarize"),
  ),
  entry(
    "model download",
    "fetch a base model from the Hugging Face Hub into its shared cache, or go on with that",
    () => import("./commands/modelDownload"),
  ),
  entry("train", "create a run, or go on with one, and follow it to its end", () => import("./commands/train")),
  entry("resume", "go on with a stopped or failed run from its last checkpoint", () => import("./commands/resume")),
  entry("runs", "list the runs of a folder with their states", () => import("./commands/runs")),
  entry(
    "runs check",
    "say whether data, base model and settings are still those that a run was made with",
    () => import("./commands/runCheck"),
  ),
  entry(
    "runs export",
    "write a run as one folder: settings, figures, adapter, curves and a README.md",
    () => import("./commands/runExport"),
  ),
  entry(
    "runs rows",
    "list the rows of a step's batch, those with the highest loss first",
    () => import("./commands/runRows"),
  ),
  entry(
    "runs losses",
    "list the rows that cost most in a pass over the data, or write what each row cost as CSV",
    () => import("./commands/runLosses"),
  ),
  entry(
    "samples",
    "show what a run has answered to its pinned prompts, or pin and remove one",
    () => import("./commands/samples"),
  ),
  entry(
    "ask",
    "answer an instruction with a run's tuned model and its base model, token by token",
    () => import("./commands/ask"),
  ),
  entry(
    "runs evaluate",
    "compare a run's tuned model with its base model on held-out rows",
    () => import("./commands/evaluateRun"),
  ),
  entry("control", "stop, pause, resume or checkpoint a run that is going on", () => import("./commands/control")),
  entry("prepare", "turn a run's data set into packed tokens", () => import("./commands/prepare")),
  entry("evaluate", "compute a model's held-out loss", () => import("./commands/evaluate")),
  entry("export", "merge the adapter, write ONNX and compare it with the engine", () => import("./commands/export")),
  entry("complete", "complete Python with an exported model", () => import("./commands/complete")),
  entry(
    "eval-completion",
    "say how well a model fills gaps in Python: exact match, similarity, parse and stop rate, latency",
    () => import("./commands/evalCompletion"),
  ),
  entry("demo", "the whole way once, from a data set to a completion", () => import("./commands/demo")),
];
