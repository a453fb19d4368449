import { defineConfig } from "vitest/config";

/** Stories in a real VS Code: one at a time, each step waits for what it needs to see. */
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    globalSetup: ["test/e2e/installedExtension.ts"],
    setupFiles: ["test/ownStateFolder.ts", "test/e2e/stepOfStory.ts"],
    testTimeout: 700_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    pool: "forks",
    sequence: { concurrent: false },
  },
});
