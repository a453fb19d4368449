import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { execute } from "./execute";
import { limits } from "./limits";
import { isWithin } from "./python";
import { SandboxRefused } from "./refused";
import { Sandbox } from "./sandbox";

const workspace = mkdtempSync(join(tmpdir(), "tunesmith-workspace-"));
writeFileSync(join(workspace, "secret.txt"), "secret");
const opened: Sandbox | Error = await Sandbox.open({ hidden: [workspace] }).catch((error: Error) => error);
const sandbox = opened instanceof Sandbox ? opened : null;
if (sandbox === null) console.warn(`The enclosed programs are skipped: ${(opened as Error).message}`);
afterAll(async () => {
  await sandbox?.close();
  rmSync(workspace, { recursive: true, force: true });
});

const run = (code: string, test = "assert True") => sandbox!.run(code, test);
const add = "def add(a, b):\n    return a + b";
/** A program whose test passes only where `code` raises. */
const refused = (code: string) =>
  run(
    `def attempt():\n${code
      .split("\n")
      .map((line) => `    ${line}`)
      .join("\n")}`,
    "try:\n    attempt()\nexcept Exception:\n    pass\nelse:\n    raise AssertionError('it was let')",
  );

describe("where code cannot be enclosed", () => {
  it("says why, in one sentence", () => {
    if (opened instanceof Sandbox) return;
    expect(opened).toBeInstanceOf(SandboxRefused);
    expect(opened.message).toMatch(/^[A-Z].*[.]$/);
  });

  it("nothing is run on another system", async () => {
    const platform = vi.spyOn(process, "platform", "get").mockReturnValue("darwin");
    await expect(Sandbox.open({ hidden: [] })).rejects.toThrow(SandboxRefused);
    platform.mockRestore();
  });

  it("nothing is run without python3", async () => {
    vi.stubEnv("PATH", workspace);
    await expect(Sandbox.open({ hidden: [] })).rejects.toThrow("There is no python3 on the PATH");
    vi.unstubAllEnvs();
  });

  it.skipIf(sandbox === null)("a folder that is seen all the same is noticed", async () => {
    await expect(Sandbox.open({ hidden: ["/usr/bin"] })).rejects.toThrow("it could list /usr/bin");
  });
});

describe("paths", () => {
  it("lie within a folder or not", () => {
    expect(isWithin("/usr/lib", "/usr")).toBe(true);
    expect(isWithin("/usr", "/usr")).toBe(true);
    expect(isWithin("/usrlocal", "/usr")).toBe(false);
    expect(isWithin("/home/me", "/")).toBe(true);
  });
});

describe("the limits that are kept from outside", () => {
  it("end a command that takes too long, with all that it has started", async () => {
    const mark = join(workspace, "late");
    const script = `sh -c 'sleep 3; touch ${mark}' & sleep 60`;
    const result = await execute(["sh", "-c", script], { input: Buffer.from(""), wallSeconds: 0.5 });
    expect(result.exceeded).toBe("time");
    await new Promise((resolve) => setTimeout(resolve, 3500));
    expect(existsSync(mark)).toBe(false);
  });

  it("end one that prints without end, and keep the beginning", async () => {
    const result = await execute(["sh", "-c", "yes"], { input: Buffer.from("") });
    expect(result.exceeded).toBe("output");
    expect(result.stdout.length).toBe(limits.outputBytes);
  });

  it("end it when the job is cancelled", async () => {
    const abort = new AbortController();
    const running = execute(["sleep", "60"], { input: Buffer.from(""), signal: abort.signal });
    abort.abort(new Error("cancelled"));
    await expect(running).rejects.toThrow("cancelled");
  });
});

describe.skipIf(sandbox === null)("tests of an answer", () => {
  it("pass where the answer is right, and fail where it is wrong", async () => {
    expect(await run(add, "assert add(1, 2) == 3")).toEqual({ passed: true, failure: null });
    expect(await run(add, "assert add(1, 2) == 4, 'add(1, 2)'")).toEqual({
      passed: false,
      failure: "AssertionError: add(1, 2)",
    });
    expect((await run("def add(:", "assert True")).failure).toContain("SyntaxError");
  });

  it("run functions of pytest and classes of unittest", async () => {
    expect((await run(add, "def test_it():\n    assert add(1, 2) == 3")).passed).toBe(true);
    expect((await run(add, "def test_it():\n    assert add(1, 2) == 4")).passed).toBe(false);
    const unit = (sum: number) =>
      `import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(add(1, 2), ${sum})`;
    expect((await run(add, unit(3))).passed).toBe(true);
    expect((await run(add, unit(4))).passed).toBe(false);
  });

  it("may use the standard library, print, and write below /tmp", async () => {
    const code = "import json, re, collections, tempfile\nprint('x')\nf = tempfile.TemporaryFile()\nf.write(b'x')";
    expect((await run(code)).passed).toBe(true);
  });

  it.each([
    ["os._exit(0)", "import os\nos._exit(0)"],
    ["sys.exit(0)", "import sys\nsys.exit(0)"],
    ["os._exit(0) within the test", `import os\ndef add(a, b):\n    os._exit(0)`],
    ["raise SystemExit within the test", "def add(a, b):\n    raise SystemExit(0)"],
    ["killing itself", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"],
    ["printing any token", "import secrets\nprint(secrets.token_hex(16))\nraise SystemExit(0)"],
    ["reading its input for the token", "import sys\nprint(sys.stdin.read())\nraise SystemExit(0)"],
    ["a process that stays", "import os, time\nif os.fork() == 0:\n    time.sleep(60)\nos._exit(0)"],
  ])("do not pass by %s", async (_name, code) => {
    expect((await run(code, "assert add(1, 2) == 3")).passed).toBe(false);
  });
});

describe.skipIf(sandbox === null)("a hostile program", () => {
  it("has no network", async () => {
    const server = createServer((peer) => peer.destroy());
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
    const result = await refused(`import socket\nsocket.create_connection(("127.0.0.1", ${port}), timeout=2)`);
    expect(result).toEqual({ passed: true, failure: null });
    expect((await refused('import socket\nsocket.getaddrinfo("example.com", 80)')).passed).toBe(true);
    server.close();
  });

  it.each([
    ["read /etc/shadow", 'open("/etc/shadow").read()'],
    ["read the workspace", `open(${JSON.stringify(join(workspace, "secret.txt"))}).read()`],
    ["write to the workspace", `open(${JSON.stringify(join(workspace, "new.txt"))}, "w")`],
    ["write to the home", `open(${JSON.stringify(join(homedir(), ".tunesmith-hostile"))}, "w")`],
    ["write to /usr", 'open("/usr/hostile", "w")'],
    ["see processes", `import os\nos.kill(${process.pid}, 0)`],
    ["mount", 'import subprocess\nsubprocess.run(["mount", "-t", "tmpfs", "none", "/tmp"], check=True)'],
    [
      "undo what is read-only",
      'import subprocess\nsubprocess.run(["mount", "-n", "-o", "remount,bind,rw", "/usr"], check=True)',
    ],
    ["raise its limits", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))"],
    ["fill the disk", 'with open("/tmp/big", "wb") as file:\n    file.write(b"x" * (64 << 20))'],
    ["fill memory", "data = bytearray(2 << 30)"],
    ["read the environment", 'import os\nassert "SECRET" in os.environ'],
  ])("cannot %s", async (_name, code) => {
    vi.stubEnv("SECRET", "x");
    expect(await refused(code)).toEqual({ passed: true, failure: null });
    vi.unstubAllEnvs();
    expect(existsSync(join(workspace, "new.txt"))).toBe(false);
    expect(existsSync(join(homedir(), ".tunesmith-hostile"))).toBe(false);
    expect(readFileSync(join(workspace, "secret.txt"), "utf8")).toBe("secret");
  });

  it("cannot fork without end", async () => {
    const bomb = "import os\nwhile True:\n    os.fork()";
    const result = await run(bomb);
    expect(result.passed).toBe(false);
    expect(result.failure).toMatch(/BlockingIOError|Resource temporarily unavailable|printed more|ran longer/);
  });

  it("is ended in a loop without end", async () => {
    const result = await run("while True:\n    pass");
    expect(result.passed).toBe(false);
  }, 30_000);

  it("is ended while it sleeps in a session of its own", async () => {
    const result = await run("import os, time\nif os.fork() == 0:\n    os.setsid()\ntime.sleep(1000)");
    expect(result).toEqual({ passed: false, failure: "ran longer than 10 s" });
  }, 30_000);

  it("is ended when it prints without end", async () => {
    const result = await run('while True:\n    print("x" * 1000)');
    expect(result).toEqual({ passed: false, failure: "printed more than 64 KB" });
  });

  it("cannot kill what keeps it", async () => {
    const code =
      "import os, signal\nfor pid in (1, os.getppid(), -1):\n    try:\n        os.kill(pid, signal.SIGKILL)\n    except Exception:\n        pass\nos._exit(0)";
    expect((await run(code)).passed).toBe(false);
    expect((await run(add, "assert add(1, 2) == 3")).passed).toBe(true);
  });
});
