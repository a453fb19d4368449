import type { CompareViewState, FromCompareView, ToCompareView } from "../../src/protocol/compareView";
import { element } from "../dom";
import { connect } from "../host";
import { registerToolkit } from "../toolkit";
import { ComparePage } from "./comparePage";
import "./style.css";

registerToolkit();

const root = document.getElementById("root")!;
let page: ComparePage | undefined;
const host = connect<ToCompareView, FromCompareView, CompareViewState>(receive);

root.append(skeleton());
host.post({ type: "ready" });

function receive(message: ToCompareView): void {
  if (page === undefined) {
    page = new ComparePage(host.kept() ?? {}, host.post, host.keep);
    root.replaceChildren(page.element);
  }
  page.receive(message);
}

/** The layout of what comes, so that nothing jumps when it does. */
function skeleton(): HTMLElement {
  const bar = (kind: string) => element("div", { class: `skeleton ${kind}` });
  return element(
    "div",
    { class: "page", attributes: { "aria-busy": "true" } },
    bar("heading"),
    bar("line"),
    bar("block"),
    bar("block"),
  );
}
