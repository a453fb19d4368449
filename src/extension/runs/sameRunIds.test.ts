/** A project and its copy, both open: what is done to a run of one is not done to the run of the same name in the other. */
import { cpSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createRun, runsFolderOf } from "../../run/runDirectory";
import { readRunNotes } from "../../run/runNotes";
import { newRun, temporaryFolder } from "../../run/testing/testRun";
import type { Services } from "../context";
import { NotesDocuments } from "./notesDocument";
import { pickRun } from "./pickRun";
import { RunRegistry } from "./runRegistry";

const vscode = vi.hoisted(() => ({ folders: [] as string[] }));
vi.mock("vscode", () => ({
  EventEmitter: class {
    event = () => ({ dispose: () => {} });
    fire() {}
    dispose() {}
  },
  Uri: { from: (parts: { scheme: string; path: string }) => parts },
  workspace: {
    isTrusted: true,
    registerFileSystemProvider: () => ({ dispose: () => {} }),
    get workspaceFolders() {
      return vscode.folders.map((fsPath) => ({ uri: { scheme: "file", fsPath } }));
    },
    onDidChangeWorkspaceFolders: () => ({ dispose: () => {} }),
    onDidChangeConfiguration: () => ({ dispose: () => {} }),
    getConfiguration: () => ({ get: (_name: string, fallback: unknown) => fallback }),
  },
}));

let directories: string[];
let runs: RunRegistry;

beforeEach(async () => {
  const folder = temporaryFolder();
  vscode.folders = ["project", "copy"].map((name) => join(folder, name));
  const [project, copy] = vscode.folders as [string, string];
  const { directory } = await createRun(runsFolderOf(project), newRun());
  mkdirSync(copy);
  cpSync(project, copy, { recursive: true });
  directories = [directory, join(runsFolderOf(copy), basename(directory))];
  runs = new RunRegistry({ warn: () => {} } as never);
  await runs.load();
});
afterEach(() => runs.dispose());

it("finds each by its directory, and neither by the name that both have", () => {
  expect(directories.map((directory) => runs.find(directory)?.directory)).toEqual(directories);
  expect(runs.find(basename(directories[0]!))).toBeUndefined();
  expect(directories.map((directory) => runs.at(directory)?.head().id)).toEqual(directories);
});

it("gives a command the run of its tree item, of its page, and of what is selected", async () => {
  const services = { runs } as unknown as Services;
  const words = { pick: "", none: "" };
  const picked = async (argument: unknown) => (await pickRun(services, argument, () => true, words))?.directory;
  for (const directory of directories) {
    expect(await picked({ directory })).toBe(directory);
    expect(await picked(directory)).toBe(directory);
    runs.selected = [runs.at(directory)!];
    expect(await picked("selected")).toBe(directory);
  }
});

it("keeps the notes of each beside its own run.json", async () => {
  const documents = new NotesDocuments(runs);
  for (const directory of directories) {
    const uri = documents.uriOf(runs.at(directory)!);
    await documents.writeFile(uri, Buffer.from(`Notes in ${directory}`));
    expect(Buffer.from(await documents.readFile(uri)).toString()).toBe(`Notes in ${directory}`);
  }
  const kept = await Promise.all(directories.map(readRunNotes));
  expect(kept.map(({ notes }) => notes)).toEqual(directories.map((directory) => `Notes in ${directory}`));
  documents.dispose();
});

it("still finds the only run of a name", async () => {
  vscode.folders = vscode.folders.slice(0, 1);
  await runs.rescan();
  expect(runs.find(basename(directories[0]!))?.directory).toBe(directories[0]);
});
