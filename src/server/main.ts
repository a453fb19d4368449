/** The language server's process: started by the extension, spoken to over IPC. It ends when its client is gone. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createConnection, ProposedFeatures } from "vscode-languageserver/node";
import { startServer } from "./server";

const checkPages = `${pathToFileURL(join(__dirname, "..", "docs", "checks")).href}/`;
startServer(createConnection(ProposedFeatures.all), { checkPages });
