// Stories of a user, in a browser against a real VS Code with the packaged extension installed.
import { runVitest } from "./vitest.mjs";

export const purposes = ["test"];
export const needs = ["nodeModules", "vsix", "codeServer"];

export const run = () => runVitest("e2e", ["--config", "test/e2e/vitest.config.ts"]);
