/** For every story: each step goes on from the one before, and a failed one shows what VS Code showed. */
import { afterEach, beforeEach } from "vitest";
import { Workbench } from "./workbench";

let failed: string | undefined;

beforeEach((context) => {
  if (failed !== undefined) context.skip(`an earlier step failed: ${failed}`);
});

afterEach(async ({ task }) => {
  if (task.result?.state !== "fail" || failed !== undefined) return;
  failed = task.name;
  await Workbench.current?.describeFailure();
});
