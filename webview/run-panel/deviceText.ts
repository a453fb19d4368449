import type { RunForecast } from "../../src/protocol/forecastView";
import { count, memory } from "../figures";
import { t } from "../texts";
import type { RunHead } from "./outcome";

type DeviceHead = Pick<RunHead, "device" | "deviceName" | "memory" | "telemetry">;

/** What a run computes on and what it takes of that, in a line; empty where it is not known. */
export function describeDevice(head: DeviceHead): string {
  const { device, deviceName, telemetry } = head;
  if (device === null) return "";
  const parts = [deviceName ?? (device === "cpu" ? t("CPU") : device)];
  const forecast = describeForecast(head);
  if (forecast !== "") parts.push(forecast);
  if (telemetry !== null && telemetry.watts !== null) parts.push(t("{0} W", count(telemetry.watts)));
  return parts.join(" · ");
}

/** What the run takes of the memory, beside what was forecast. */
export function describeForecast({ memory: taken }: Pick<RunHead, "memory">): string {
  if (taken === null) return "";
  if (taken.used === null) return t("about {0} of memory", memory(taken.forecast));
  return t("{0} of memory, forecast {1}", memory(taken.used), memory(taken.forecast));
}

/** "NVIDIA H100 80GB HBM3", or why it is the CPU. */
export function describeChoice({
  device,
  deviceName,
  why,
}: Pick<RunForecast, "device" | "deviceName" | "why">): string {
  const name = device === "cpu" ? t("CPU: {0}", deviceName) : deviceName;
  return why === "" ? name : `${name}. ${why}`;
}

/** "about 4 min": never more exact than it is known. */
export function describeTime(seconds: number): string {
  if (seconds < 90) return t("about {0} s", Math.max(1, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return t("about {0} min", minutes);
  return t("about {0} h", (minutes / 60).toFixed(1));
}

/** Share of the parameters that are trained; never shown as none. */
export function describeShare({
  parameters,
  trainableParameters,
}: Pick<RunForecast, "parameters" | "trainableParameters">): string {
  const percent = parameters > 0 ? (trainableParameters / parameters) * 100 : 0;
  return t("{0} %", percent >= 10 ? percent.toFixed(0) : Math.max(0.1, percent).toFixed(1));
}
