import { limits } from "./limits";
import type { Python } from "./python";

/**
 * Runs as the first process of new namespaces: mounts, network, processes, IPC, host name. What the program sees is
 * /usr and its aliases, Python's own folder and the cache of shared libraries, all read-only, three devices, and an
 * empty /tmp of 16 MiB in memory. No home, no workspace, no /proc, no /etc, no network interface that is up. The rest of
 * the file system is unmounted, not just hidden.
 *
 * `$1`: "user" where the namespaces belong to a user namespace, "root" where the real root has made them. `$2`: an empty
 * folder. `$3`: folders to show, with colons in between. The rest: the program.
 */
const SCRIPT = `set -eu
umask 022
mode=$1 root=$2 prefixes=$3; shift 3
mount -t tmpfs -o size=1m,nr_inodes=2k,mode=755,nosuid,nodev none "$root"
show() {
  [ -e "$1" ] || return 0
  if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root\${1%/*}"; : > "$root$1"; fi
  mount --bind "$1" "$root$1"
  mount -o remount,bind,ro,nosuid,nodev "$root$1"
}
for name in bin sbin lib lib32 lib64; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"; else show "/$name"; fi
done
show /usr
show /etc/ld.so.cache
IFS=:
for path in $prefixes; do show "$path"; done
unset IFS
mkdir -p "$root/dev" "$root/tmp"
for device in null zero urandom; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t tmpfs -o size=16m,nr_inodes=1k,mode=1777,nosuid,nodev none "$root/tmp"
# No namespaces within: they would give rights back. The real root's setting is the whole machine's.
[ "$mode" = root ] || echo 0 2>/dev/null > /proc/sys/user/max_user_namespaces || :
mkdir "$root/outside" "$root/proc"
# umount needs it.
mount -t proc proc "$root/proc"
mount -o remount,bind,ro,nosuid,nodev "$root"
cd "$root"
pivot_root . outside
umount -n -l /outside
umount -n -l /proc
cd /tmp
# This shell stays the first process: with it all others end, whatever they do.
"$@"
exit $?`;

/** Where the tools of util-linux and coreutils lie. */
export const TOOLS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Longer than the wall-clock limit: it only counts where whoever keeps that has vanished. */
const ORPHAN_SECONDS = limits.wallSeconds + 5;
/** Nobody: the real root would not be bound by the limit of processes. */
const NOBODY = "65534";

/** All that the program finds in its environment. */
export const environment: Readonly<Record<string, string>> = {
  PATH: TOOLS_PATH,
  HOME: "/tmp",
  LANG: "C.UTF-8",
  OMP_NUM_THREADS: "1",
  OPENBLAS_NUM_THREADS: "1",
};

/** The command that runs `program` by Python within the enclosure; `root`: an empty folder of one's own. */
export function enclosed(python: Python, root: string, program: string): string[] {
  const isRoot = process.getuid?.() === 0;
  return [
    "unshare",
    ...(isRoot ? [] : ["--user", "--map-root-user"]),
    ...["--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"],
    ...["sh", "-c", SCRIPT, "enclosure", isRoot ? "root" : "user", root, python.prefixes.join(":")],
    ...["timeout", "--signal=KILL", String(ORPHAN_SECONDS)],
    "setpriv",
    ...(isRoot ? ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"] : []),
    ...["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"],
    "prlimit",
    `--cpu=${limits.cpuSeconds}`,
    `--as=${limits.memoryBytes}`,
    `--fsize=${limits.fileBytes}`,
    `--nproc=${limits.processes}`,
    `--nofile=${limits.openFiles}`,
    "--core=0",
    ...[python.executable, "-I", "-B", "-c", program],
  ];
}
