import type { CurvePiece } from "../../src/protocol/curveView";
import type { FromNowView, RunHead as Head, ToNowView } from "../../src/protocol/webview";
import { CurveModel } from "../curve/curveModel";
import { LossChart } from "../curve/lossChart";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { change, count, duration, loss } from "../figures";
import { connect } from "../host";
import { isPreparedElsewhere, preparationText } from "../runState";
import { t } from "../texts";
import { button, registerToolkit } from "../toolkit";
import "./style.css";

type Now = Extract<ToNowView, { type: "now" }>;

const CHART_HEIGHT = 96;

registerToolkit();

const root = document.getElementById("root")!;
const live = liveRegion();
const content = element("div", { class: "now", testId: "now" });
root.append(content, live);
content.append(element("div", { class: "skeleton line" }), element("div", { class: "skeleton block" }));

interface Shown {
  id: string;
  model: CurveModel;
  totalSteps: number;
  view: LossChart;
  progress: HTMLElement;
  stop: HTMLElement;
}
let chart: Shown | undefined;
const host = connect<ToNowView, FromNowView>(receive);
host.post({ type: "ready" });

function receive(message: ToNowView): void {
  if (message.type === "now") show(message);
  else if (message.type === "head") showHead(message.head);
  else grow(message);
}

function showHead(head: Head): void {
  if (chart?.id !== head.id) return;
  setText(chart.progress, progressText(head));
  chart.stop.hidden = isPreparedElsewhere(head);
  if (head.totalSteps !== chart.totalSteps) setTotalSteps(chart, head.totalSteps);
}

function setTotalSteps(shown: Shown, totalSteps: number): void {
  shown.totalSteps = totalSteps;
  shown.model.setSmoothing(totalSteps, 1);
  shown.view.setTotalSteps(totalSteps);
}

function grow(piece: CurvePiece): void {
  if (chart?.id !== piece.id) return;
  if (piece.restart) chart.model = new CurveModel(chart.totalSteps);
  chart.model.append(piece);
  if (piece.restart) chart.view.setModel(chart.model, chart.totalSteps);
  else chart.view.update();
}

function show(now: Now): void {
  chart?.view.dispose();
  chart = undefined;
  content.replaceChildren(...contentOf(now));
  setText(live, now.run === null ? "" : `${now.run.name}: ${headline(now.run)}`);
}

function contentOf({ situation, run, completionModel }: Now): HTMLElement[] {
  switch (situation) {
    case "loading":
      return [element("div", { class: "skeleton line" }), element("div", { class: "skeleton block" })];
    case "no-folder":
      return [
        sentence(t("Open the folder with your data set and your Python code.")),
        action(t("Open folder"), { type: "openFolder" }, true, "open-folder"),
      ];
    case "untrusted":
      return [
        sentence(
          t(
            "Only validation works in a folder that is not trusted: fine-tuning and completion start programs and read models.",
          ),
        ),
        action(t("Manage trust"), { type: "manageTrust" }, true, "manage-trust"),
      ];
    case "ready":
      if (run === null) return empty();
      return isActive(run) ? active(run) : ended(run, completionModel);
  }
}

function isActive({ state }: Head): boolean {
  return state === "running" || state === "preparing" || state === "paused";
}

function empty(): HTMLElement[] {
  return [
    sentence(t("Right-click a .jsonl data set and choose Fine-tune on This Dataset.")),
    action(t("Fine-tune on a data set"), { type: "fineTune" }, true, "fine-tune"),
    linkButton(t("See how it works"), () => host.post({ type: "howToStart" }), "how-to-start"),
  ];
}

function active(run: Head): HTMLElement[] {
  const { id, totalSteps } = run;
  const model = new CurveModel(totalSteps);
  const view = new LossChart(model, totalSteps, { height: CHART_HEIGHT, bare: true });
  const progress = element("p", { class: "progress", text: progressText(run), testId: "now-progress" });
  const stop = button(
    t("Stop"),
    () => {
      stop.setDisabled(true);
      stop.setText(t("Stopping…"));
      host.post({ type: "stop", id: run.id });
    },
    { icon: "debug-stop", testId: "now-stop" },
  );
  stop.element.hidden = isPreparedElsewhere(run);
  chart = { id, model, totalSteps, view, progress, stop: stop.element };
  const controls = run.state === "preparing" ? [stop.element] : [pauseButton(run), stop.element];
  const paused = run.state === "paused";
  return [
    paused ? title(run, "debug-pause") : title(run, "loading", "codicon-modifier-spin"),
    // Before the first step there is nothing to draw.
    ...(run.state === "preparing" ? [] : [view.element]),
    progress,
    element("div", { class: "actions" }, ...controls, openLink(run)),
  ];
}

/** The view is shown anew when the run has paused or goes on. */
function pauseButton({ id, state }: Head): HTMLElement {
  const paused = state === "paused";
  const made = button(
    paused ? t("Continue") : t("Pause"),
    () => {
      made.setDisabled(true);
      host.post({ type: paused ? "continue" : "pause", id });
    },
    { icon: paused ? "debug-continue" : "debug-pause", testId: "now-pause" },
  );
  return made.element;
}

function progressText(head: Head): string {
  if (head.state === "preparing") return preparationText(head) ?? t("Preparing");
  const parts = [t("step {0} / {1}", count(head.step), count(head.totalSteps))];
  if (head.state === "paused") parts.push(t("paused"));
  if (head.tokensPerSecond !== null) parts.push(t("{0} tokens/s", count(head.tokensPerSecond)));
  if (head.silentSeconds !== null) parts.push(t("silent for {0}", duration(head.silentSeconds)));
  if (head.secondsLeft !== null) parts.push(t("{0} left", duration(head.secondsLeft)));
  return parts.join(" · ");
}

/** The last result and what to do with it. */
function ended(run: Head, completionModel: string | null): HTMLElement[] {
  const parts = [title(run, endIcon(run)), sentence(headline(run))];
  const label = run.state === "queued" ? t("Start") : t("Resume");
  const resume = () => action(label, { type: "resume", id: run.id }, true, "now-resume");
  const use = (primary: boolean) =>
    action(t("Use for completion"), { type: "useForCompletion", id: run.id }, primary, "now-use");
  if (run.state === "failed" || run.state === "queued" || run.state === "stopped") {
    parts.push(element("div", { class: "actions" }, resume(), openLink(run)));
  } else if (!run.inUse) parts.push(element("div", { class: "actions" }, use(true), openLink(run)));
  else parts.push(sentence(t("Completes your Python files: type, then take a suggestion with Tab.")), openLink(run));
  if (completionModel !== null && !run.inUse) {
    parts.push(element("p", { class: "quiet", text: t("In use for completion: {0}", completionModel) }));
  }
  return parts;
}

function endIcon({ state }: Head): string {
  if (state === "finished") return "pass";
  if (state === "queued") return "circle-outline";
  return state === "failed" ? "error" : "stop-circle";
}

function headline(head: Head): string {
  const { state, evalLoss, evalLossBefore, step, totalSteps, cause } = head;
  switch (state) {
    case "finished":
      if (evalLoss === null || evalLossBefore === null) return t("Finished.");
      return t(
        "Eval loss {0} → {1} ({2} %).",
        loss(evalLossBefore),
        loss(evalLoss),
        signed(change(evalLossBefore, evalLoss)),
      );
    case "stopped":
      return t("Stopped at step {0} of {1}; a checkpoint is kept.", count(step), count(totalSteps));
    case "failed":
      return cause ?? t("The run failed; the log says more.");
    case "queued":
      return t("The run has not started yet.");
    default:
      return t("Running");
  }
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value).replace("-", "−");
}

function title(run: Head, glyph: string, extra = ""): HTMLElement {
  return element(
    "h2",
    { testId: "now-title" },
    icon(glyph, `${extra} ${run.state}`),
    element("span", { text: run.name }),
  );
}

function sentence(text: string): HTMLElement {
  return element("p", { text, testId: "now-sentence" });
}

function openLink(run: Head): HTMLElement {
  return linkButton(t("Open"), () => host.post({ type: "openRun", id: run.id }), "now-open");
}

function action(text: string, message: FromNowView, primary: boolean, testId: string): HTMLElement {
  return button(text, () => host.post(message), { primary, testId }).element;
}
