import { randomBytes } from "node:crypto";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { enclosed, environment } from "./enclosure";
import { execute } from "./execute";
import { limits } from "./limits";
import { isWithin, type Python } from "./python";
import { SandboxRefused } from "./refused";

/** Tries what must fail, and prints what did not. */
const PROBE = `import json, os, resource, socket, subprocess, sys
facts = json.loads(sys.stdin.read())
broken = []
def must_fail(what, action):
    try:
        action()
    except Exception:
        return
    broken.append(what)
def write(folder):
    path = os.path.join(folder, ".tunesmith-probe")
    with open(path, "w"):
        pass
    os.unlink(path)
def connect():
    socket.create_connection(("127.0.0.1", facts["port"]), timeout=2).close()
def abstract():
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect("\\0" + facts["socket"])
for path in facts["unreadable"]:
    must_fail("read " + path, lambda: open(path, "rb").read(1))
for path in facts["unlisted"]:
    must_fail("list " + path, lambda: os.listdir(path))
subprocess.run(["mount", "-n", "-o", "remount,bind,rw", "/usr"], stdin=subprocess.DEVNULL, capture_output=True)
for path in facts["unwritable"]:
    must_fail("write to " + path, lambda: write(path))
must_fail("reach the network", connect)
must_fail("reach the sockets of other programs", abstract)
must_fail("see other processes", lambda: os.kill(facts["pid"], 0))
must_fail("change its root folder", lambda: os.chroot("/tmp"))
if [name for _, name in socket.if_nameindex() if name != "lo"]:
    broken.append("see the network's interfaces")
if [name for name in os.environ if name not in facts["environment"]]:
    broken.append("read the environment")
for name, most in facts["limits"].items():
    if not 0 <= resource.getrlimit(getattr(resource, name))[1] <= most:
        broken.append("take more than the limit " + name)
print(json.dumps(broken))
`;
const answer = v.array(v.string());
/** Small numbers may be processes of the enclosure's own. */
const SMALLEST_PID = 1000;

/** Throws SandboxRefused unless a program in the enclosure really can do none of what it must not. */
export async function requireEnclosure(
  python: Python,
  root: string,
  hidden: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tunesmith-secret-"));
  const socket = `tunesmith-${randomBytes(8).toString("hex")}`;
  const tcp = createServer((peer) => peer.destroy());
  const unix = createServer((peer) => peer.destroy());
  try {
    const secret = join(folder, "secret");
    await writeFile(secret, "secret");
    const port = await listen(tcp, { host: "127.0.0.1", port: 0 });
    await listen(unix, { path: `\0${socket}` });
    const home = await realpath(homedir()).catch(() => homedir());
    // Where Python lies in the home, the way there is seen.
    const onTheWay = python.prefixes.some((prefix) => isWithin(prefix, home));
    const facts = {
      port,
      socket,
      pid: Math.max(process.pid, SMALLEST_PID),
      unreadable: [secret, "/etc/passwd", "/etc/shadow", "/proc/self/status", "/outside/etc/passwd"],
      unlisted: [folder, ...hidden, ...(onTheWay ? [] : [home])],
      unwritable: ["/", "/usr", "/etc", "/dev", home, folder, ...hidden, ...python.prefixes],
      environment: [...Object.keys(environment), "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"],
      limits: {
        RLIMIT_CPU: limits.cpuSeconds,
        RLIMIT_AS: limits.memoryBytes,
        RLIMIT_FSIZE: limits.fileBytes,
        RLIMIT_NPROC: limits.processes,
        RLIMIT_NOFILE: limits.openFiles,
        RLIMIT_CORE: 0,
      },
    };
    await probe(enclosed(python, root, PROBE), Buffer.from(JSON.stringify(facts)), signal);
  } finally {
    tcp.close();
    unix.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function probe(command: string[], input: Buffer, signal?: AbortSignal): Promise<void> {
  const result = await execute(command, { input, signal }).catch((error: NodeJS.ErrnoException) => {
    signal?.throwIfAborted();
    if (error.code !== "ENOENT") throw error;
    throw new SandboxRefused("Code cannot be enclosed here: the command unshare is missing; install util-linux.");
  });
  const broken = parse(result.stdout);
  if (result.code !== 0 || broken === null) throw new SandboxRefused(cannot(result.stderr));
  if (broken.length === 0) return;
  throw new SandboxRefused(
    `Code is not run, since it could not be enclosed on this machine: it could ${broken.slice(0, 3).join(", ")}.`,
  );
}

function cannot(stderr: string): string {
  const last = stderr
    .trim()
    .split("\n")
    .findLast((line) => line.trim() !== "" && !line.includes("dmesg"));
  const cause = last === undefined ? "" : ` (${last.trim().slice(0, 200).replace(/\.$/, "")})`;
  return `Code cannot be enclosed on this machine${cause}: it needs Linux with user namespaces, and util-linux.`;
}

function parse(stdout: string): string[] | null {
  try {
    const parsed = v.safeParse(answer, JSON.parse(stdout));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}

function listen(server: Server, at: { host: string; port: number } | { path: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
