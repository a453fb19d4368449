import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["src/**/*.test.ts", "webview/**/*.test.ts", "test/rules/**/*.test.ts", "test/protocol/**/*.test.ts"], testTimeout: 60_000, pool: "forks" },
});
