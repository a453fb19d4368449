import { rm } from "node:fs/promises";
import type { NewRun } from "../../run/runDirectory";
import { RunMonitor } from "../../run/runMonitor";
import type { CommandContext } from "../command";
import { createPreparedRun, followRun, startRun } from "../runFlow";

/** A few steps with the real settings on the first rows; the first step still warms the machine up. */
const STEPS = 2;
const ROWS = 64;
const HELD_OUT_ROWS = 1;

/** Tokens a second that the engine reaches on this machine with these settings. */
export async function measureSpeed(
  runsFolder: string,
  run: NewRun,
  engine: string,
  context: CommandContext,
): Promise<number> {
  const trial: NewRun = {
    ...run,
    name: "calibration",
    dataset: { ...run.dataset, maxTrainRows: ROWS, maxEvalRows: HELD_OUT_ROWS },
    training: { ...run.training, steps: STEPS, epochs: null, evalEvery: 0, checkpointEvery: 0 },
  };
  // Its stages and rows are those of the run itself, which reports them.
  const quiet = { ...context, progress: () => {}, problem: () => {} };
  const { directory } = await createPreparedRun(runsFolder, trial, quiet);
  try {
    await startRun(directory, engine, quiet);
    await followRun(directory, quiet);
    const { history } = await RunMonitor.open(directory);
    return Math.max(...history.series.tokensPerSecond.values);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
