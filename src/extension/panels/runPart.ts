import type * as vscode from "vscode";
import type { FromRunPanel, ToRunPanel } from "../../protocol/webview";
import type { RunUpdate } from "../../run/runMonitor";
import type { Services } from "../context";
import type { TrackedRun } from "../runs/runRegistry";

/** What stands behind one section of a run's page. */
export interface RunPart extends vscode.Disposable {
  /** All that the section shows, for a page that has just come up. */
  show(): Promise<void> | void;
  /** True where the message was this part's. May throw one sentence, which the page shows. */
  receive(message: FromRunPanel): Promise<boolean> | boolean;
  /** The run has moved on. */
  update?(update: RunUpdate): void;
}

export interface RunPartContext {
  readonly services: Services;
  readonly run: TrackedRun;
  post(message: ToRunPanel): void;
}
