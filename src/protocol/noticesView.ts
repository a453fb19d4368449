/** What a person should know of a run besides its figures: its place in the queue, where it comes from, what of it cannot be read. Types only. */

export interface ToNotices {
  type: "notices";
  /** Null: it does not wait. `waitsFor`: the name of the run that has to end first; null: it starts in a moment. */
  queue: { place: number; of: number; waitsFor: string | null } | null;
  /** Null: it goes on from no other run. `here`: that run is still among the runs. */
  parent: { name: string; step: number; here: boolean } | null;
  /** One sentence each. */
  problems: string[];
}

export type FromNotices = { type: "startNow" } | { type: "removeFromQueue" } | { type: "openParent" };
