/** What a data set's README.md says of its files: `configs` of the YAML between the `---` lines. */

export interface CardConfig {
  name: string;
  isDefault: boolean;
  files: { split: string; patterns: string[] }[];
}

type Yaml = string | Yaml[] | { [key: string]: Yaml };

interface Line {
  indent: number;
  text: string;
}

const MOST_LINES = 20_000;
const DEEPEST = 12;
const DEFAULT_SPLIT = "train";

/** Empty where the card names no files. */
export function configsOfCard(readme: string): CardConfig[] {
  const lines = frontMatter(readme);
  const start = lines.findIndex(({ indent, text }) => indent === 0 && /^configs:\s*$/.test(text));
  if (start < 0) return [];
  const block = lines.slice(start + 1);
  const end = block.findIndex(({ indent, text }) => indent === 0 && !text.startsWith("-"));
  const configs = new YamlReader(end < 0 ? block : block.slice(0, end)).read();
  return (Array.isArray(configs) ? configs : []).flatMap(configOf);
}

function configOf(yaml: Yaml): CardConfig[] {
  if (typeof yaml === "string" || Array.isArray(yaml)) return [];
  const files = filesOf(yaml.data_files);
  const name = typeof yaml.config_name === "string" ? yaml.config_name : "default";
  return files.length === 0 ? [] : [{ name, isDefault: yaml.default === "true" || name === "default", files }];
}

function filesOf(yaml: Yaml | undefined): CardConfig["files"] {
  if (yaml === undefined) return [];
  if (typeof yaml === "string") return [{ split: DEFAULT_SPLIT, patterns: [yaml] }];
  if (!Array.isArray(yaml)) return Object.entries(yaml).map(([split, paths]) => ({ split, patterns: textsOf(paths) }));
  const plain = yaml.filter((item) => typeof item === "string");
  const named = yaml.flatMap((item) => {
    if (typeof item === "string" || Array.isArray(item)) return [];
    const split = typeof item.split === "string" ? item.split : DEFAULT_SPLIT;
    return [{ split, patterns: textsOf(item.path) }];
  });
  return plain.length > 0 ? [{ split: DEFAULT_SPLIT, patterns: plain }, ...named] : named;
}

function textsOf(yaml: Yaml | undefined): string[] {
  if (typeof yaml === "string") return [yaml];
  return Array.isArray(yaml) ? yaml.filter((item) => typeof item === "string") : [];
}

function frontMatter(readme: string): Line[] {
  const lines = readme.split(/\r?\n/, MOST_LINES);
  if (lines[0]?.trim() !== "---") return [];
  const end = lines.findIndex((line, index) => index > 0 && line.trim() === "---");
  return lines
    .slice(1, end < 0 ? undefined : end)
    .map((line) => ({ indent: line.length - line.trimStart().length, text: line.trim() }))
    .filter(({ text }) => text !== "" && !text.startsWith("#"));
}

/** Block mappings and sequences of scalars, and flow sequences: all that `configs` is written in. */
class YamlReader {
  private at = 0;

  constructor(private readonly lines: Line[]) {}

  read(): Yaml {
    const first = this.lines[0];
    return first === undefined ? "" : this.node(first.indent, 0);
  }

  private node(indent: number, depth: number): Yaml {
    if (depth > DEEPEST) {
      this.at = this.lines.length;
      return "";
    }
    const line = this.lines[this.at]!;
    if (isItem(line.text)) return this.sequence(indent, depth);
    return keyOf(line.text) === null ? scalar(this.lines[this.at++]!.text) : this.mapping(indent, depth);
  }

  private sequence(indent: number, depth: number): Yaml[] {
    const items: Yaml[] = [];
    for (let line = this.lines[this.at]; line?.indent === indent && isItem(line.text); line = this.lines[this.at]) {
      const rest = line.text.slice(1).trimStart();
      if (rest === "") {
        this.at++;
        items.push(this.nested(indent, depth));
      } else {
        // What follows the dash is a node of its own, which goes on in the lines that are indented as far.
        const inner = indent + line.text.length - rest.length;
        this.lines[this.at] = { indent: inner, text: rest };
        items.push(this.node(inner, depth + 1));
      }
    }
    return items;
  }

  private mapping(indent: number, depth: number): Yaml {
    const entries: [string, Yaml][] = [];
    for (let line = this.lines[this.at]; line?.indent === indent; line = this.lines[this.at]) {
      const found = keyOf(line.text);
      if (found === null) break;
      this.at++;
      entries.push([found.key, found.rest === "" ? this.nested(indent, depth) : scalar(found.rest)]);
    }
    return Object.fromEntries(entries);
  }

  /** A sequence may stand as far left as the key that it belongs to. */
  private nested(indent: number, depth: number): Yaml {
    const line = this.lines[this.at];
    if (line === undefined || line.indent < indent) return "";
    if (line.indent === indent && !isItem(line.text)) return "";
    return this.node(line.indent, depth + 1);
  }
}

function isItem(text: string): boolean {
  return text === "-" || text.startsWith("- ");
}

function keyOf(text: string): { key: string; rest: string } | null {
  if (text.startsWith('"') || text.startsWith("'")) {
    const close = text.indexOf(text[0]!, 1);
    return close > 0 && text[close + 1] === ":"
      ? { key: text.slice(1, close), rest: text.slice(close + 2).trim() }
      : null;
  }
  const colon = text.endsWith(":") && !text.includes(": ") ? text.length - 1 : text.indexOf(": ");
  return colon <= 0 ? null : { key: text.slice(0, colon).trim(), rest: text.slice(colon + 1).trim() };
}

function scalar(text: string): Yaml {
  if (text.startsWith("[") && text.endsWith("]")) {
    return text
      .slice(1, -1)
      .split(",")
      .map((item) => unquoted(item.trim()))
      .filter((item) => item !== "");
  }
  return unquoted(text);
}

function unquoted(text: string): string {
  const quote = text[0];
  if (quote === '"' || quote === "'") {
    const close = text.indexOf(quote, 1);
    if (close > 0) return text.slice(1, close);
  }
  const comment = text.indexOf(" #");
  return comment < 0 ? text : text.slice(0, comment).trimEnd();
}
