import type { RunDetails, ToRunPanel } from "../../src/protocol/webview";
import type { RunHead } from "./outcome";

/** A part of a run's page that has messages of its own: samples, rows, evaluation. Hidden while it has nothing to say. */
export interface RunSection {
  readonly element: HTMLElement;
  /** The run has moved on. */
  showHead(head: RunHead, details: RunDetails): void;
  /** Every message to the page; those of others are left alone. */
  receive(message: ToRunPanel): void;
  /** A step of the curve was chosen. */
  chooseStep?(step: number): void;
  dispose?(): void;
}
