import type {
  CurveLook,
  FromRunPanel,
  PlanForm,
  RunDetails,
  RunHead,
  RunPanelState,
  ToRunPanel,
} from "../../src/protocol/webview";
import { element } from "../dom";
import { connect } from "../host";
import { registerToolkit } from "../toolkit";
import { KeptPage } from "./keptPage";
import { PlanView } from "./planView";
import { RunView } from "./runView";
import "./style.css";

registerToolkit();

const root = document.getElementById("root")!;
let view: PlanView | RunView | undefined;
const host = connect<ToRunPanel, FromRunPanel, RunPanelState>(receive);

const ASK_AGAIN_MS = 3000;

root.append(skeleton());
host.post({ type: "ready" });
/** Asks until it is heard: a page that asks before VS Code listens to it would miss most of what there is. */
const asking = setInterval(() => host.post({ type: "ready" }), ASK_AGAIN_MS);

function receive(message: ToRunPanel): void {
  switch (message.type) {
    case "heard":
      clearInterval(asking);
      return;
    case "plan":
      keepPlan(message.dataset, message.form);
      if (view instanceof PlanView && view.dataset === message.dataset) view.setPlan(message);
      else show(new PlanView(message, { post: host.post, keep: keepPlan }));
      return;
    case "run":
      if (view instanceof RunView && view.id === message.run.id) view.setRun(message.run, message.details);
      else showRun(message.run, message.details, message.look);
      return;
    case "formErrors":
    case "data":
    case "forecast":
    case "measuring":
    case "effect":
    case "turn":
    case "planFailed":
    case "starting":
    case "startFailed":
      if (view instanceof PlanView) view.receive(message);
      return;
    default:
      if (view instanceof RunView) view.receive(message);
      return;
  }
}

/** With the time at which the form became what it is: a run that was made later may be what it was started as. */
function keepPlan(dataset: string, form: PlanForm): void {
  const kept = host.kept();
  const isKept = kept?.kind === "plan" && kept.dataset === dataset && kept.keptAt !== undefined;
  if (isKept && JSON.stringify(kept.form) === JSON.stringify(form)) return;
  host.keep({ kind: "plan", dataset, form, keptAt: Date.now() });
}

function showRun(run: RunHead, details: RunDetails, earlier: CurveLook | undefined): void {
  const kept = host.kept();
  const own = kept?.kind === "run" && kept.id === run.id ? kept : { curves: earlier };
  let told: CurveLook | undefined;
  const page = new KeptPage(own, run.totalSteps, (state) => {
    host.keep({ kind: "run", id: run.id, ...state });
    if (state.curves === told) return;
    told = state.curves;
    host.post({ type: "look", look: told });
  });
  show(new RunView(run, details, host.post, page));
}

function show(next: PlanView | RunView): void {
  view?.dispose();
  view = next;
  root.replaceChildren(next.element);
  // A plan may have been read to its end.
  window.scrollTo(0, 0);
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
    bar("line"),
  );
}
