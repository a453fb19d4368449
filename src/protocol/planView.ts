/** The launch form: extension host ↔ page, beside what webview.ts has of it. Types only. */

import type { FormField } from "./planForm";

/** What the present value of a field changes in the forecast, against the preset's value or what a plan begins with. */
export type FieldEffect =
  | { kind: "difference"; bytes: number; seconds: number }
  /** With the preset's value the run would not fit into memory. */
  | { kind: "needed" };

export type ToPlan =
  /** Null: there is nothing to say of it. */
  | { type: "effect"; field: FormField; effect: FieldEffect | null }
  /** The run that this one would wait for if it were started now; null: it would start at once. */
  | { type: "turn"; waitsFor: string | null }
  /** Something that was asked for could not be done: one sentence. */
  | { type: "planFailed"; message: string };

export type FromPlan =
  /** A field that differs from the preset was changed or has the focus. */
  | { type: "effectOf"; field: FormField }
  | { type: "downloadModel" }
  | { type: "addDataset" }
  | { type: "chooseHeldOut" }
  | { type: "chooseCompletionFolder" }
  | { type: "saveSettings" }
  | { type: "exportSettings" }
  | { type: "importSettings" }
  /** Of saved settings. */
  | { type: "deletePreset"; id: string };
