import type { Preparation, RunHead } from "../../protocol/webview";
import type { Services } from "../context";
import type { TrackedRun } from "./runRegistry";

/** The run's figures, with what they are beside its directory: whether it is in use, and how far its start is. */
export function shownHead(
  { completion, preparations }: Pick<Services, "completion" | "preparations">,
  run: TrackedRun,
  head = run.head(),
): RunHead {
  const preparation = head.state === "preparing" ? preparationOf(preparations, run) : null;
  return { ...head, preparation, inUse: completion.isInUse(run.directory) };
}

function preparationOf(preparations: Services["preparations"], run: TrackedRun): Preparation | null {
  return preparations.of(run.directory) ?? (run.startsElsewhere ? { here: false } : null);
}
