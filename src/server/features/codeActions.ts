/** Quick fixes of findings: of one, of all of a kind in the file, and of everything that can be mended unseen. */

import {
  type CodeAction,
  CodeActionKind,
  type CodeActionParams,
  type Diagnostic,
  LSPErrorCodes,
  ResponseError,
  TextEdit,
} from "vscode-languageserver";
import type { Finding } from "../../dataset/checks/finding";
import { type CheckId, checks, isCheckId } from "../../dataset/checks/table";
import { unfence } from "../../dataset/fixes/fenceFixes";
import { Row } from "../../dataset/fixes/fix";
import { joinBrokenRow, opensArrayOfRows } from "../../dataset/fixes/lineFixes";
import { fitsWholeFile, proposed, proposeFixes } from "../../dataset/fixes/registry";
import type { Feature, ServerContext } from "../feature";
import { lineFindings } from "../findings";
import type { JsonlDocument } from "../jsonlDocument";
import { Cancelled } from "../slices";
import { between, LineEdits } from "./codeActionsEdits";
import { fixWholeFile, type WholeFileFix } from "./codeActionsWholeFile";

export const FIX_ALL = `${CodeActionKind.SourceFixAll}.tunesmith`;

/** The extension's command that edits `tunesmith.checks`; its argument is `{check, severity?}`. */
const SET_SEVERITY = "tunesmith.setCheckSeverity";

/** With a large selection the first of its diagnostics stand for the others: no menu shows fixes of hundreds. */
const MOST_DIAGNOSTICS = 16;

/** What an action carries until it is resolved. */
interface ActionData {
  uri: string;
  version: number;
  fix: WholeFileFix;
}

export const codeActions: Feature = {
  capabilities: {
    codeActionProvider: {
      codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite, FIX_ALL],
      resolveProvider: true,
    },
  },
  register(context) {
    const { connection, documents } = context;
    connection.onCodeAction((params) => {
      const document = documents.get(params.textDocument.uri);
      return document ? new ActionFinder(context, document, params).find() : [];
    });
    connection.onCodeActionResolve(async (action, token) => {
      const abort = new AbortController();
      const listeners = [
        token.onCancellationRequested(() => abort.abort()),
        documents.onDidChangeContent(({ document }) => {
          if (document.uri === (action.data as ActionData).uri) abort.abort();
        }),
      ];
      try {
        return await resolve(context, action, abort.signal);
      } finally {
        for (const listener of listeners) listener.dispose();
      }
    });
  },
};

class ActionFinder {
  private readonly actions: CodeAction[] = [];
  private readonly counts = new Map<CheckId, number>();

  constructor(
    private readonly context: ServerContext,
    private readonly document: JsonlDocument,
    private readonly params: CodeActionParams,
  ) {}

  find(): CodeAction[] {
    if (this.wants(CodeActionKind.QuickFix)) this.addQuickFixes();
    if (this.wants(CodeActionKind.RefactorRewrite)) this.addUnfence();
    // Source actions are asked for by name; a light bulb never shows them.
    if (this.params.context.only && this.wants(FIX_ALL)) {
      this.addWholeFile("Mend all that can be mended unseen", { kind: "safe" }, FIX_ALL);
    }
    return this.actions;
  }

  private wants(kind: string): boolean {
    const { only } = this.params.context;
    return !only || only.some((wanted) => kind === wanted || kind.startsWith(`${wanted}.`));
  }

  private addQuickFixes(): void {
    const marked: [Diagnostic, CheckId][] = [];
    for (const diagnostic of this.params.context.diagnostics) {
      const { source, code } = diagnostic;
      if (marked.length === MOST_DIAGNOSTICS) break;
      if (source === "Tunesmith" && typeof code === "string" && isCheckId(code)) marked.push([diagnostic, code]);
    }
    for (const [diagnostic, check] of marked) this.addFixesOf(diagnostic, check);
    for (const [diagnostic, check] of marked) this.addFixesForAll(diagnostic, check);
    const kinds = new Map(marked.map(([diagnostic, check]) => [check, diagnostic]));
    for (const [check, diagnostic] of kinds) this.addSeverity(check, diagnostic);
  }

  private addFixesOf(diagnostic: Diagnostic, check: CheckId): void {
    const { line } = diagnostic.range.start;
    const { lines } = this.document;
    const text = lines[line]?.text;
    if (text === undefined) return;
    const edits = new LineEdits(this.document);
    if (check === "byte-order-mark" && lines[0]!.indent > 0) {
      edits.add(TextEdit.del(between(0, 0, 0, 1)));
      this.addEdit("Remove the byte order mark", edits, diagnostic, true);
    } else if (check === "blank-line") {
      edits.replace(line, 1, []);
      this.addEdit("Remove the blank line", edits, diagnostic, true);
    } else if (check === "mixed-line-ends") {
      this.addWholeFile("Use one kind of line end", { kind: "line-ends" }, CodeActionKind.QuickFix, diagnostic);
    }
    if (check === "json-syntax") this.addLineFixes(line, diagnostic);
    const finding = this.findingOf(diagnostic, check);
    if (!finding) return;
    for (const { title, change, certain } of proposeFixes(text, this.dialect, finding)) {
      const rowEdits = new LineEdits(this.document);
      if (change === "drop") rowEdits.replace(line, 1, []);
      for (const edit of change === "drop" ? [] : change) {
        const range = this.document.rangeInLine(line, edit.offset, edit.length);
        rowEdits.add(TextEdit.replace(range, edit.text.replaceAll("\n", lines[0]!.end || "\n")));
      }
      this.addEdit(title, rowEdits, diagnostic, certain);
    }
  }

  /** What several lines make together. */
  private addLineFixes(line: number, diagnostic: Diagnostic): void {
    const { lines } = this.document;
    if (opensArrayOfRows(lines)) {
      const title = "Put each item of the array on a line of its own";
      this.addWholeFile(title, { kind: "unwrap-array" }, CodeActionKind.QuickFix, diagnostic);
    }
    const joined = joinBrokenRow(lines, line);
    if (!joined) return;
    const edits = new LineEdits(this.document);
    edits.replace(line, joined.count, [joined.text]);
    this.addEdit(`Join the row that is broken over ${joined.count} lines`, edits, diagnostic, joined.certain);
    const title = "Join all rows that are broken over several lines in this file";
    this.addWholeFile(title, { kind: "join-rows" }, CodeActionKind.QuickFix, diagnostic);
  }

  private addFixesForAll(diagnostic: Diagnostic, check: CheckId): void {
    const count = this.countOf(check);
    if (count < 2) return;
    const add = (title: string, fix: WholeFileFix) => {
      const whole = `${title}: fix all ${count.toLocaleString("en")} in this file`;
      if (this.actions.some((action) => action.title === whole)) return;
      this.addWholeFile(whole, fix, CodeActionKind.QuickFix, diagnostic);
    };
    if (check === "blank-line") add("Remove the blank lines", { kind: "blank-lines" });
    const finding = this.findingOf(diagnostic, check);
    const text = this.document.lines[diagnostic.range.start.line]?.text;
    if (!finding || text === undefined) return;
    const fixes = proposeFixes(text, this.dialect, finding).filter(({ fix }) => fitsWholeFile(fix));
    // Rows are removed by the dozen only where nothing mends them.
    const mending = fixes.filter(({ change }) => change !== "drop");
    for (const { fix } of mending.length > 0 ? mending : fixes) {
      add(fix.title, { kind: "row-fix", fix: fix.id, check });
    }
  }

  private addSeverity(check: CheckId, diagnostic: Diagnostic): void {
    const name = checks[check].title;
    const add = (title: string, severity?: "off") =>
      this.actions.push({
        title,
        kind: CodeActionKind.QuickFix,
        diagnostics: [diagnostic],
        command: { title, command: SET_SEVERITY, arguments: [{ check, ...(severity ? { severity } : {}) }] },
      });
    add(`Turn off the check "${name}"`, "off");
    add(`Change the severity of "${name}"…`);
  }

  private addUnfence(): void {
    const { start, end } = this.params.range;
    const line = this.document.lines[start.line];
    if (!line || start.line !== end.line || !line.text.includes("```")) return;
    const at = { check: "unbalanced-fence" as const, message: "", offset: start.character - line.indent, length: 1 };
    const proposal = proposed(unfence, new Row(line.text, this.dialect), at);
    if (!proposal || proposal.change === "drop") return;
    const edits = new LineEdits(this.document);
    for (const { offset, length, text } of proposal.change) {
      edits.add(TextEdit.replace(this.document.rangeInLine(start.line, offset, length), text));
    }
    this.actions.push({ title: proposal.title, kind: CodeActionKind.RefactorRewrite, edit: this.workspaceEdit(edits) });
    const all: WholeFileFix = { kind: "row-fix", fix: unfence.id, check: null };
    this.addWholeFile(`${unfence.title}, in the whole file`, all, CodeActionKind.RefactorRewrite);
  }

  /** What the analysis has found there, and only if it still stands. */
  private findingOf({ range }: Diagnostic, check: CheckId): Finding | null {
    const line = this.document.lines[range.start.line];
    if (!line) return null;
    const offset = range.start.character - line.indent;
    // Said of the file, at its first row: no line keeps it.
    if (check === "no-data-set") return { check, message: "", offset, length: 1 };
    const found = lineFindings(line, this.context.lengthCheck());
    return found.find((finding) => finding.check === check && finding.offset === offset) ?? null;
  }

  private countOf(check: CheckId): number {
    const known = this.counts.get(check) ?? this.count(check);
    this.counts.set(check, known);
    return known;
  }

  private count(check: CheckId): number {
    const countedBy = this.context.lengthCheck();
    let count = 0;
    for (const line of this.document.lines) {
      if (!line.record) continue;
      if (check === "blank-line") count += line.record.kind === "blank" ? 1 : 0;
      else for (const finding of lineFindings(line, countedBy)) if (finding.check === check) count++;
    }
    // The empty line after the last line's end is none.
    const last = this.document.lines.at(-1)!;
    return check === "blank-line" && last.text === "" ? count - 1 : count;
  }

  private get dialect() {
    return this.context.analyses.state(this.document.uri)?.dialect ?? null;
  }

  private addEdit(title: string, edits: LineEdits, diagnostic: Diagnostic, certain: boolean): void {
    this.actions.push({
      title,
      kind: CodeActionKind.QuickFix,
      diagnostics: [diagnostic],
      edit: this.workspaceEdit(edits),
      ...(certain ? { isPreferred: true } : {}),
    });
  }

  private addWholeFile(title: string, fix: WholeFileFix, kind: string, diagnostic?: Diagnostic): void {
    const data: ActionData = { uri: this.document.uri, version: this.document.version, fix };
    this.actions.push({ title, kind, data, ...(diagnostic ? { diagnostics: [diagnostic] } : {}) });
  }

  private workspaceEdit(edits: LineEdits) {
    return { changes: { [this.document.uri]: edits.result() } };
  }
}

async function resolve(context: ServerContext, action: CodeAction, signal: AbortSignal): Promise<CodeAction> {
  const { uri, version, fix } = action.data as ActionData;
  const document = context.documents.get(uri);
  const state = document?.version === version ? await context.analyses.settled(uri) : null;
  if (!document || !state || signal.aborted) throw givenUp();
  const request = { document, dialect: state.dialect, countedBy: context.lengthCheck() };
  try {
    return { ...action, edit: { changes: { [uri]: await fixWholeFile(fix, request, signal) } } };
  } catch (error) {
    throw error instanceof Cancelled ? givenUp() : error;
  }
}

function givenUp(): ResponseError<void> {
  return new ResponseError(LSPErrorCodes.ContentModified, "The file has changed meanwhile: choose the fix again.");
}
