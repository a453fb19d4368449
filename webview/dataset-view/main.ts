import type { DatasetViewState, FromDatasetView, ToDatasetView } from "../../src/protocol/datasetView";
import { element } from "../dom";
import { connect } from "../host";
import { registerToolkit } from "../toolkit";
import { DatasetPage } from "./datasetPage";
import "./style.css";

registerToolkit();

const root = document.getElementById("root")!;
let page: DatasetPage | undefined;
const host = connect<ToDatasetView, FromDatasetView, DatasetViewState>(receive);

root.append(element("div", { class: "page" }, element("div", { class: "skeleton heading" })));
host.post({ type: "ready" });

function receive(message: ToDatasetView): void {
  const dataset = datasetOf(message);
  if (dataset !== null && page?.dataset !== dataset) {
    page?.dispose();
    const kept = host.kept();
    const state = kept?.dataset === dataset ? kept : {};
    page = new DatasetPage(dataset, host.post, (changed) => host.keep({ dataset, ...changed }), state);
    root.replaceChildren(page.element);
    host.keep({ ...state, dataset });
  }
  page?.receive(message);
}

function datasetOf(message: ToDatasetView): string | null {
  if (message.type === "report") return message.report.path;
  return "dataset" in message ? message.dataset : null;
}
