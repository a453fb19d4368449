import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openRuns } from "./openRuns";
import { ownIdentity } from "./processIdentity";
import { createRun, runPaths } from "./runDirectory";
import { newRun, temporaryFolder } from "./testing/testRun";

it("opens the run that is at work first, then the newest, a few at a time", async () => {
  const folder = join(temporaryFolder(), "runs");
  const directories: string[] = [];
  for (let index = 0; index < 9; index++) directories.push((await createRun(folder, newRun())).directory);
  directories.sort();
  const working = directories[2]!;
  const { pid, startTicks, host } = await ownIdentity();
  const lock = { pid, startTicks, host, attempt: 1, heartbeat: Date.now() };
  writeFileSync(runPaths(working).lock, JSON.stringify(lock));

  const opened: string[] = [];
  let open = 0;
  let most = 0;
  await openRuns(directories, async (directory) => {
    opened.push(directory);
    most = Math.max(most, ++open);
    await new Promise((resolve) => setImmediate(resolve));
    open--;
  });
  const newestFirst = directories.filter((directory) => directory !== working).reverse();
  expect(opened).toEqual([working, ...newestFirst]);
  expect(most).toBe(4);
});
