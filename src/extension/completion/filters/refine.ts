import { coveredClosers, withoutSurplusClosers, withoutTornBracket } from "../closingBrackets";
import { type PythonScan, unopenedClosers } from "../pythonScan";
import type { Surroundings } from "../whatIsWanted";
import { isAlreadyBelow, withoutRestOfLine } from "./alreadyBelow";
import { type IndentationStyle, indentationStyle, inIndentationStyle } from "./indentationStyle";
import { inQuoteStyle, quoteStyle } from "./quoteStyle";
import { withoutRepetition } from "./repetition";
import { isBlank, isJoined, isOfLowValue, isUnprintable } from "./worthOffering";

export interface RefineOptions {
  /** Else the text ends with its first line. */
  multiline: boolean;
  /** The editor's own indentation, for a document that shows no habit. */
  indentation: IndentationStyle;
  /** Whether brackets behind the cursor may be replaced; else the text must do without its own. */
  canReplace: boolean;
  /** Asked for by hand: even little is offered. */
  invoked: boolean;
}

export interface Refined {
  text: string;
  /** Characters behind the cursor that the text replaces: brackets which the editor has closed. */
  covered: number;
}

/** What is offered of a model's text at the end of `prefix`; null: nothing. */
export function refine(
  generated: string,
  { prefix, suffix }: Surroundings,
  scan: PythonScan,
  options: RefineOptions,
): Refined | null {
  const linePrefix = prefix.slice(prefix.lastIndexOf("\n") + 1);
  const [lineSuffix = ""] = suffix.split("\n", 1);
  const lines = generated.replace(/\r\n?/g, "\n");
  let text = withoutRepetition(options.multiline ? lines : lines.split("\n", 1)[0]!.trimEnd());
  if (scan.where === "code") {
    text = inIndentationStyle(text, linePrefix, indentationStyle(prefix, options.indentation));
    text = inQuoteStyle(text, quoteStyle(scan.quotes));
  }
  text = withoutRestOfLine(text, lineSuffix);
  const coverable = (candidate: string) => (options.canReplace ? coveredClosers(candidate, lineSuffix) : 0);
  if (scan.where === "code") {
    text = withoutSurplusClosers(text, scan.awaited, unopenedClosers(suffix), coverable(text));
    if (lineSuffix.slice(coverable(text)).trim() !== "") text = withoutTornBracket(text);
  }
  if (isBlank(text) || isUnprintable(text) || isAlreadyBelow(text, linePrefix, suffix)) return null;
  if (scan.where === "code" && isJoined(text, linePrefix)) return null;
  if (!options.invoked && isOfLowValue(text)) return null;
  return { text, covered: coverable(text) };
}
