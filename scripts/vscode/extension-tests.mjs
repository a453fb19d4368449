// Runs a test module inside the extension host of a code-server: it exports run(), as for @vscode/test-electron.
import { launchBrowser } from "./browser.mjs";

/**
 * @param {{ url: string, workspace: string, extension: string, tests: string, timeoutMs: number, screenshot: string }} options
 * @returns {Promise<number>} the exit code: 0 if run() resolved
 */
export async function runExtensionTests({ url, workspace, extension, tests, timeoutMs, screenshot }) {
  const { host } = new URL(url);
  const browser = await launchBrowser();
  try {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    const exit = new Promise((resolve) => {
      // VS Code in a browser calls these two when a test module is named.
      page.exposeFunction("codeAutomationExit", resolve);
      page.exposeFunction("codeAutomationLog", (type, args) => {
        // What VS Code itself says at start is of no interest here.
        if (type === "error" || type === "warn") console.error("[extension host]", ...args);
      });
    });
    const payload = [
      ["extensionDevelopmentPath", `vscode-remote://${host}${extension}`],
      ["extensionTestsPath", `vscode-remote://${host}${tests}`],
      ["skipWelcome", "true"],
      ["skipReleaseNotes", "true"],
    ];
    const query = new URLSearchParams({ folder: workspace, payload: JSON.stringify(payload) });
    await page.goto(`${url}/?${query}`);
    let timer;
    const timeout = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`The extension host's tests took over ${timeoutMs / 1000} s.`)),
        timeoutMs,
      );
    });
    try {
      return await Promise.race([exit, timeout]);
    } catch (error) {
      await page.screenshot({ path: screenshot });
      throw error;
    } finally {
      clearTimeout(timer);
    }
  } finally {
    await browser.close();
  }
}
