// The machine's Chromium, driven by playwright-core.
import { chromium } from "playwright-core";
import { findBrowser } from "../setup/apt.mjs";

/** It must not talk to anyone but 127.0.0.1, and runs as root in containers. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function launchBrowser() {
  const executablePath = findBrowser();
  if (executablePath === null) throw new Error("No Chromium was found: run `node scripts/setup.mjs test`.");
  return chromium.launch({ executablePath, headless: true, args: flags });
}
