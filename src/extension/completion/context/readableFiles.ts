/** Which files of the workspace may be shown to the model. Pure. */

/** Larger ones are data or were generated. */
export const LARGEST_FILE = 1_000_000;

const SECRET = /(^|[_\-.])(secrets?|credentials?|passwords?|passwd|private[_-]?keys?|api[_-]?keys?)([_\-.]|$)/i;
const IGNORED_FOLDERS: ReadonlySet<string> = new Set([
  "node_modules",
  "__pycache__",
  "site-packages",
  "dist-packages",
  "venv",
  "env",
  "virtualenv",
]);

/** `path`: relative to its workspace folder, with "/". `excluded`: the patterns that are on in `files.exclude`. */
export function mayRead(path: string, excluded: readonly RegExp[]): boolean {
  if (path === "" || path.startsWith("/") || path.includes("\\")) return false;
  const parts = path.split("/");
  if (parts.some((part) => part.startsWith(".") || IGNORED_FOLDERS.has(part) || SECRET.test(part))) return false;
  // A pattern that matches a folder excludes all below it.
  return !parts.some((_, index) => excluded.some((pattern) => pattern.test(parts.slice(0, index + 1).join("/"))));
}

/** The patterns of `files.exclude` that hold without looking at other files. */
export function exclusions(setting: unknown): RegExp[] {
  if (typeof setting !== "object" || setting === null) return [];
  return Object.entries(setting)
    .filter(([pattern, on]) => on === true && pattern.length <= 200)
    .map(([pattern]) => globExpression(pattern));
}

/** VS Code's globs: `**` any folders, `*` and `?` within a name, `{a,b}`, `[ab]`. */
export function globExpression(glob: string): RegExp {
  let source = "";
  let braces = 0;
  for (let at = 0; at < glob.length; ++at) {
    const rest = glob.slice(at);
    const character = glob[at]!;
    const set = /^\[(!?)([^\]/\\^]+)\]/.exec(rest);
    if (rest.startsWith("**/")) {
      source += "(?:[^/]+/)*";
      at += 2;
    } else if (rest.startsWith("**")) {
      source += ".*";
      at += 1;
    } else if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "{" && rest.includes("}")) {
      source += "(?:";
      braces += 1;
    } else if (character === "}" && braces > 0) {
      source += ")";
      braces -= 1;
    } else if (character === "," && braces > 0) source += "|";
    else if (set !== null) {
      source += `[${set[1] === "" ? "" : "^"}${set[2]}]`;
      at += set[0].length - 1;
    } else source += character.replace(/[.+^$()|[\]\\{}]/, "\\$&");
  }
  try {
    return new RegExp(`^${source}${")".repeat(braces)}$`);
  } catch {
    // A pattern that cannot be read might have meant anything: nothing is shown.
    return /^/;
  }
}
