/** The language server's process: started by the extension, spoken to over IPC. It ends when its client is gone. */

import { createConnection, ProposedFeatures } from "vscode-languageserver/node";
import { startServer } from "./server";

startServer(createConnection(ProposedFeatures.all));
