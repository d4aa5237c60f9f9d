/** What a machine with systemd, control groups of version 2 and AppArmor is needed for: all jobs, in one start of it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isRoot, scratch, skip, type User, users } from '../helpers/support.js';
import { arch, findObstacle, unpackTree } from '../package/packages.js';

t.setTimeout(900_000);

const here = import.meta.dirname;
const [root] = users as readonly [User];

function missing(): string | undefined {
  if (!isRoot) return 'only root can make the root of a machine';
  if (arch !== 'x86_64') return 'it is a machine of another kind';
  const programs = ['qemu-system-x86_64', 'mmdebstrap', 'mke2fs', 'cpio'];
  const lost = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return lost.length > 0 ? `there is no ${lost.join(', no ')}` : undefined;
}

/** Starts the machine with the programs of `tree`; returns what its jobs print. */
function boot(place: string): string {
  const output = join(place, 'output');
  const words = [
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1024', '-nic', 'none', '-no-reboot'],
    ...['-display', 'none', '-monitor', 'none', '-serial', `file:${output}`],
    ...['-kernel', join(place, 'machine/vmlinuz'), '-initrd', join(place, 'machine/initrd')],
    ...[
      '-append',
      'root=/dev/vda rw console=ttyS0 quiet loglevel=3 panic=-1 systemd.show_status=0 net.ifnames=0',
    ],
    ...['-drive', `file=${join(place, 'machine/root.img')},if=virtio,format=raw,cache=unsafe`],
    ...['-virtfs', `local,path=${join(place, 'job')},mount_tag=job,security_model=none,readonly=on`],
  ];
  const { status, signal, stderr } = spawnSync('qemu-system-x86_64', words, {
    encoding: 'utf8',
    timeout: 600_000,
  });
  const said = readFileSync(output, 'utf8').replaceAll('\r', '');
  if (status !== 0) throw new Error(`qemu ended by ${signal ?? status}: ${stderr}${said}`);
  return said;
}

/** Each line of a job is a check of its own. */
function report(t: Test, job: string, said: string): void {
  const [, part = ''] = `\n${said}`.split(`\njob ${job}\n`);
  const lines = part.split('\n');
  const end = lines.findIndex((line) => /^end \d+$/.test(line));
  for (const line of lines.slice(0, end)) {
    if (line.startsWith('ok ')) t.pass(line.slice(3));
    else t.fail(line);
  }
  t.equal(lines[end], 'end 0', 'the job comes to its end');
}

t.test('in a machine with systemd, control groups of version 2 and AppArmor', async (t) => {
  const obstacle = findObstacle() ?? missing();
  if (obstacle) return skip(t, obstacle);
  const place = scratch(t, root);
  execFileSync(join(here, 'make-root'), [join(place, 'machine')], { stdio: ['ignore', 'ignore', 'pipe'] });
  for (const name of ['run', 'words', 'jobs'])
    cpSync(join(here, name), join(place, 'job', name), { recursive: true });
  cpSync(unpackTree(t), join(place, 'job/tree'), { recursive: true });
  const said = boot(place);
  for (const job of readdirSync(join(here, 'jobs'))) {
    const [title = ''] = readFileSync(join(here, 'jobs', job), 'utf8').split('\n');
    t.test(title.replace(/^# /, ''), async (t) => report(t, job, said));
  }
});
