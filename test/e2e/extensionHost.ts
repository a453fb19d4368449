/** The process of VS Code that runs extensions, as the kernel tells of it. */
import { readdirSync, readFileSync } from "node:fs";
import type { Workbench } from "./workbench";

const HOST = "--type=extensionHost";

/** Those of this workbench's server; one that has been left by its page lives on for a while. */
function hostPids({ state }: Workbench): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const its = (file: string) => readFileSync(`/proc/${name}/${file}`, "utf8").split("\0");
    try {
      return its("cmdline").includes(HOST) && its("environ").some((variable) => variable.endsWith(`=${state}/xdg`))
        ? [Number(name)]
        : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

/** SIGKILL: nothing is saved, and nobody is told. Throws where there is none to kill. */
export function killExtensionHost(workbench: Workbench): void {
  const pids = hostPids(workbench);
  if (pids.length === 0) throw new Error(`No extension host of ${workbench.state} is running.`);
  for (const pid of pids) process.kill(pid, "SIGKILL");
}
