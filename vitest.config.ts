import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "webview/**/*.test.ts",
      "scripts/**/*.test.ts",
      "test/{rules,protocol,package,syntaxes,fuzz}/**/*.test.ts",
    ],
    testTimeout: 60_000,
    setupFiles: ["test/ownStateFolder.ts"],
    pool: "forks",
  },
});
