import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import * as vscode from "vscode";

type Page = "run-panel" | "now" | "dataset-view" | "compare";

/**
 * The page of one of our webviews, whole: script, styles and font stand in it. VS Code fetches a page's files from the
 * extension's side through a service worker, which takes longer than the page itself, and where webviews have VS Code's
 * own address (code-server) a file that is under way when the window is reloaded holds up the next service worker, so
 * that panels stay empty for half a minute. The script runs under a nonce; there is no network.
 */
export function webviewHtml(webview: vscode.Webview, extensionUri: vscode.Uri, name: Page): string {
  const dist = vscode.Uri.joinPath(extensionUri, "dist", "webview");
  const part = (file: string) => bundled(vscode.Uri.joinPath(dist, file).fsPath);
  const iconFont = `data:font/ttf;base64,${bundled(vscode.Uri.joinPath(dist, "codicon.ttf").fsPath, "base64")}`;
  const nonce = randomBytes(16).toString("base64url");
  const policy = [
    "default-src 'none'",
    `img-src ${webview.cspSource}`,
    "font-src data:",
    // The toolkit's components and uPlot set styles from their scripts as well.
    "style-src 'unsafe-inline'",
    `script-src 'nonce-${nonce}'`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<style>${part("codicon.css").replace(/url\("[^"]*"\)/, () => `url("${iconFont}")`)}</style>
<style>${part(`${name}.css`)}</style>
<title>Tunesmith</title>
</head>
<body data-view="${name}">
<main id="root"></main>
<script type="application/json" id="texts">${texts()}</script>
<script nonce="${nonce}">${part(`${name}.js`)}</script>
</body>
</html>`;
}

const read = new Map<string, string>();

/** A file that the build wrote (scripts/build.mjs sees to it that it can stand in a page); read once. */
function bundled(path: string, encoding: BufferEncoding = "utf8"): string {
  const known = read.get(path) ?? readFileSync(path, encoding);
  read.set(path, known);
  return known;
}

/** The translations that VS Code loaded for this language; the page looks its texts up in them. */
function texts(): string {
  return JSON.stringify(vscode.l10n.bundle ?? {}).replaceAll("<", "\\u003c");
}

export function webviewOptions(extensionUri: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extensionUri, "dist", "webview")] };
}
