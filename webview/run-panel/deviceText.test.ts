import { beforeAll, describe, expect, it } from "vitest";
import type { Telemetry } from "../../src/protocol/webview";
import { describeChoice, describeDevice, describeForecast, describeShare, describeTime } from "./deviceText";

beforeAll(() => {
  // The page's texts and language are read from the document.
  Object.assign(globalThis, { document: { getElementById: () => null, documentElement: { lang: "en" } } });
});

const GiB = 2 ** 30;
const telemetry = (changes: Partial<Telemetry> = {}): Telemetry => ({
  memoryUsed: 12.3 * GiB,
  memoryTotal: 79.98 * GiB,
  temperature: 71,
  watts: 650.4,
  utilisation: 98,
  ...changes,
});
const gpu = {
  device: "cuda:0",
  deviceName: "NVIDIA H100 80GB HBM3",
  memory: { forecast: 30 * GiB, used: 30.25 * GiB },
  telemetry: telemetry(),
};

describe("the line of a run's device", () => {
  it("tells what the run takes of the GPU, as far as it is known", () => {
    expect(describeDevice(gpu)).toBe("NVIDIA H100 80GB HBM3 · 30.3 GB of memory, forecast 30 GB · 650 W");
    expect(describeDevice({ ...gpu, memory: null, telemetry: telemetry({ watts: null }) })).toBe(
      "NVIDIA H100 80GB HBM3",
    );
  });

  it("tells the run's memory where the GPU is not at work, and on the CPU", () => {
    expect(describeDevice({ ...gpu, telemetry: null })).toBe(
      "NVIDIA H100 80GB HBM3 · 30.3 GB of memory, forecast 30 GB",
    );
    const cpu = { device: "cpu", deviceName: "AMD EPYC", memory: { forecast: 613 * 2 ** 20, used: null } };
    expect(describeDevice({ ...cpu, telemetry: null })).toBe("AMD EPYC · about 613 MB of memory");
  });

  it("is short for a run of an engine that named no device, and empty before the first event", () => {
    const none = { deviceName: null, memory: null, telemetry: null };
    expect(describeDevice({ device: "cpu", ...none })).toBe("CPU");
    expect(describeDevice({ device: null, ...none })).toBe("");
    expect(describeForecast({ memory: null })).toBe("");
  });
});

describe("a forecast", () => {
  const forecast = {
    device: "cuda:0",
    deviceName: "NVIDIA H100 80GB HBM3",
    why: "",
    parameters: 1.2e9,
    trainableParameters: 11e6,
  };

  it("says why the CPU computes", () => {
    expect(describeChoice(forecast)).toBe("NVIDIA H100 80GB HBM3");
    const cpu = { ...forecast, device: "cpu", deviceName: "AMD EPYC", why: "This machine has no NVIDIA GPU." };
    expect(describeChoice(cpu)).toBe("CPU: AMD EPYC. This machine has no NVIDIA GPU.");
  });

  it.each([
    [0.2, "about 1 s"],
    [42, "about 42 s"],
    [200, "about 3 min"],
    [3 * 3600, "about 3.0 h"],
  ])("of %d s is no more exact than it is known", (seconds, text) => {
    expect(describeTime(seconds)).toBe(text);
  });

  it("gives the share of the parameters, never none", () => {
    expect(describeShare(forecast)).toBe("0.9 %");
    expect(describeShare({ ...forecast, trainableParameters: 1 })).toBe("0.1 %");
    expect(describeShare({ ...forecast, trainableParameters: 0.4 * 1.2e9 })).toBe("40 %");
  });
});
