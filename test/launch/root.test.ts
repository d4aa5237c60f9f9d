/** What an image can do to the machine when root runs it. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { image, isRoot, ordinaryUser, run, runShell, scratch } from '../helpers/support.js';

const root = { name: 'root', uid: 0, gid: 0 };

/** A setting, and what changes it: to the value that it has. */
const settings = ['/proc/sys/kernel/core_pattern', '/proc/sys/vm/swappiness'].filter((path) =>
  existsSync(path),
);

const write = (path: string) => `if (: >>${path}) 2>/dev/null; then echo ${path}; fi`;

t.test('an image that root runs can change no settings of the machine', (t) => {
  if (!isRoot) return t.end();
  const own = scratch(t, root);
  const before = settings.map((path) => readFileSync(path, 'utf8'));
  for (const options of [[], ['--uid=0'], ['--uid=1000'], ['-w'], ['-W'], ['--seccomp', '--uid=0']]) {
    const words = options[0] === '-w' ? ['-b', `${own}:/mnt`, image] : [...options, image];
    const places = [...settings, '/proc/sysrq-trigger', '/sys/power/state', '/sys/kernel/uevent_helper'];
    t.equal(runShell(t, root, words, places.map(write).join('; ')), '', options.join(' '));
  }
  const script = 'find /sys /proc/sys -maxdepth 4 -type f -writable 2>/dev/null | head -n 3; cat /proc/keys';
  t.equal(runShell(t, root, [image], script), '', 'nothing there is writable, and keys are hidden');
  t.same(
    settings.map((path) => readFileSync(path, 'utf8')),
    before,
  );
  return t.end();
});

t.test('what would tell an image of the machine’s firmware and interrupts is hidden from it', (t) => {
  if (!isRoot) return t.end();
  const there = ['/proc/acpi', '/sys/firmware', '/proc/interrupts', '/proc/timer_list'].filter((path) =>
    existsSync(path),
  );
  t.ok(there.length > 0);
  for (const options of [[], ['--uid=0', '-W']]) {
    const show = (path: string) => `ls -A ${path}/ 2>/dev/null || cat ${path}`;
    t.equal(runShell(t, root, [...options, image], there.map(show).join('; ')), '');
    const make = `mkdir ${there[0]}/new 2>/dev/null && echo made; :`;
    t.equal(runShell(t, root, [...options, image], make), '');
  }
  return t.end();
});

t.test('nor does a fresh /proc in a namespace of its own open them again', (t) => {
  if (!isRoot) return t.end();
  const words = ['--uid=0', '-b', '/usr:/usr', '-b', '/lib:/lib', '-b', '/lib64:/lib64:optional', image];
  const script = "unshare -Urmpf sh -c 'mount -t proc proc /proc && : >>/proc/sys/kernel/core_pattern'";
  const { status, stderr } = run(root, [...words, '--', 'sh', '-c', script]);
  t.not(status, 0);
  t.match(stderr, /permission denied|not permitted/i);
  return t.end();
});

t.test('--unmask leaves them as they are on the host', (t) => {
  if (!isRoot) return t.end();
  const words = ['--unmask', image];
  t.equal(runShell(t, root, words, settings.map(write).join('; ')), settings.join('\n'));
  return t.end();
});

t.test('other users see /proc and /sys as on the host: they can change nothing there', (t) => {
  const script = `${settings.map(write).join('; ')}; grep -c ' /proc/sys ' /proc/self/mountinfo`;
  t.equal(runShell(t, ordinaryUser, [image], `${script} || :`), '0');
  t.end();
});
