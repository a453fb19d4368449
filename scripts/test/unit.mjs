// Unit, golden and rule tests. They may start the engine, the built CLI and look into the package.
import { runVitest } from "./vitest.mjs";

export const purposes = ["build", "demo", "rules"];
export const needs = ["nodeModules", "native", "bundles", "vsix"];

export const run = () => runVitest("unit", []);
