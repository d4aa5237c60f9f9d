// Where one file of tests runs: in mount and process namespaces of its own, so that what it leaves running, mounted
// or in /tmp ends with it, and with control groups of one version, since crun refuses to start where there are both.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';

export const tree = '/sys/fs/cgroup';

/** The versions of control groups, and how a mount namespace gets them alone. */
export const groups = {
  v1: `umount ${tree}/unified`,
  v2: `umount -R ${tree}; mount -t cgroup2 none ${tree}`,
};

// a frozen process does not end with its namespace; one that is somebody else's has no ID here
const within = (group, seconds, prepare) => `
${groups[group]}
case $PWD/ in /tmp/*) ;; *) mount -t tmpfs -o mode=1777 tmpfs /tmp ;; esac
thaw() {
  for file in $(find ${tree} -name "$1"); do
    if grep -q '[1-9]' "\${file%/*}/cgroup.procs"; then echo "$2" > "$file"; fi
  done
}
${prepare}
# crun gives it to the container's user
rm -f "$OUTPUT.null"
mknod -m 666 "$OUTPUT.null" c 1 3
mount --bind "$OUTPUT.null" /dev/null
[ -t 0 ] || exec < /dev/null
timeout --foreground -k 5 ${seconds} "$@" > "$OUTPUT" 2>&1
echo "status: $?" >> "$OUTPUT"
thaw freezer.state THAWED
thaw cgroup.freeze 0`;

/** The control groups below the top of each hierarchy whose names are those that a suite gives. */
function listGroups(ofSuite) {
  const below = (path) =>
    readdirSync(path, { withFileTypes: true }).flatMap((each) =>
      each.isDirectory() ? [join(path, each.name)] : [],
    );
  return below(tree)
    .flatMap(below)
    .filter((group) => ofSuite.test(basename(group)));
}

function removeGroup(group) {
  for (const name of readdirSync(group, { withFileTypes: true }))
    if (name.isDirectory()) removeGroup(join(group, name.name));
  try {
    rmdirSync(group);
  } catch (error) {
    if (error.code !== 'EBUSY') throw error; // what was in it is ending
  }
}

const quote = (word) => `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * What a file of tests prints, and how it ended: its words are run in a directory, with a terminal of their own where
 * they need one, after what prepares the room for it.
 */
export function runTest(
  { words, cwd, env, seconds = 100, terminal = false, prepare = '' },
  { group, made, directory },
) {
  const output = join(directory, 'output');
  const line = [
    ...['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...['sh', '-c', within(group, seconds, prepare), 'sh', ...words],
  ];
  const [command, ...rest] = terminal ? ['script', '-qefc', line.map(quote).join(' '), '/dev/null'] : line;
  spawnSync(command, rest, { cwd, env: { ...process.env, ...env, OUTPUT: output }, stdio: 'ignore' });
  for (const left of listGroups(made)) removeGroup(left);
  return readFileSync(output, 'utf8');
}
