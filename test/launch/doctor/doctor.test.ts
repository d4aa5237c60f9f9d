/** --doctor, and the hints of failed launches, in situations that are really there. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { examine, renderReport } from '../../../src/doctor/examine.js';
import { fileSystemName, mountOf, parseMounts } from '../../../src/doctor/file-systems.js';
import type { Finding, Report } from '../../../src/doctor/finding.js';
import { runTrials, trials } from '../../../src/doctor/trials.js';
import { RealHost } from '../../../src/host/host.js';
import {
  failsWith,
  image,
  launcher,
  makeImage,
  ordinaryUser,
  run,
  scratch,
  skip,
  stage,
  start,
} from '../../helpers/support.js';
import { obstacle, type Situation, situations } from './situations.js';

const why = obstacle();

function begin({ wrap }: Situation, words: readonly string[]) {
  const [program = launcher, ...rest] = [...wrap, launcher, ...words];
  return start(ordinaryUser, program, rest);
}

function squash(t: Test): string | undefined {
  const file = join(scratch(t), 'image.sqfs');
  const made = spawnSync('mksquashfs', [makeImage(t), file, '-quiet', '-no-progress', '-all-root']);
  return made.status === 0 ? file : undefined;
}

for (const situation of situations) {
  const { title, healthy, refused, says, told, launch } = situation;
  t.test(`the doctor finds ${title}`, (t) => {
    if (why) return skip(t, why);
    const { status, stdout, stderr } = begin(situation, ['--doctor=json']);
    t.same([status, stderr], [healthy ? 0 : 31, '']);
    const report = JSON.parse(stdout) as Report;
    t.equal(report.healthy, healthy);
    const no = report.findings.filter(({ verdict }) => verdict === 'no');
    const names = no.map(({ name }) => name);
    if (refused) t.same(names, refused);
    for (const { name, cause, user, administrator, detail } of no)
      t.ok(
        (cause && (user ?? administrator)) || /^not tried/.test(detail ?? ''),
        `${name} has cause and remedy`,
      );
    t.match(told ? report.findings.find(({ name }) => name === told) : (no[0] ?? {}), says);
    t.end();
  });

  if (launch === undefined) continue;
  t.test(`a launch that fails by ${title} says why`, (t) => {
    if (why) return skip(t, why);
    const file = launch.image === 'squashfs' ? squash(t) : image;
    if (file === undefined) return skip(t, 'there is no mksquashfs');
    const ending = begin(situation, [file, '--', 'true']);
    failsWith(t, ending, launch.image === 'squashfs' ? 84 : 31, launch.message, says.cause);
    for (const part of [says.user, says.administrator]) if (part) t.match(ending.stderr, part, 'the remedy');
    t.end();
  });
}

t.test('every trial and every fact has one finding, with a title of one line', (t) => {
  const report = examine(launcher, new RealHost());
  const names = report.findings.map(({ name }) => name);
  t.same(names, [...new Set(names)]);
  t.same(
    names.slice(0, trials.length),
    trials.map(({ name }) => name),
  );
  for (const name of [
    'build',
    'libraries',
    'kernel',
    'seccomp-mode',
    'masked-proc',
    'devices',
    'batch',
    'tmp',
  ])
    t.ok(names.includes(name), name);
  for (const { title, verdict, cause, detail } of report.findings) {
    t.match(title, /^[^\n]{3,44}$/);
    if (verdict === 'no') t.ok(cause ?? detail, title);
  }
  t.match(renderReport(report), `\nContainers can${report.healthy ? '' : ' NOT'} be run here.\n`);
  t.end();
});

t.test('a program that can not be tried is a refusal, not a crash', (t) => {
  const findings = runTrials('/none');
  t.ok(findings.every(({ verdict }) => verdict === 'no'));
  t.match(findings[0]?.detail, 'execve: no such file or directory');
  t.match(
    findings.find(({ name }) => name === 'overlay-over-fuse')?.detail,
    /^not tried, because it needs overlay mounts and FUSE/,
  );
  t.end();
});

t.test('the table says in words what JSON says', (t) => {
  const { status, stdout, stderr } = run(ordinaryUser, ['--doctor']);
  t.same([status, stderr], [0, '']);
  t.match(stdout, /^yes {3}user and mount namespaces$/m);
  t.match(stdout, /^ {6}Linux +\d+\./m);
  t.match(stdout, /\nContainers can be run here\.\n$/);
  t.end();
});

t.test('a remedy is printed once, with the text of the file it speaks of', (t) => {
  const finding: Finding = {
    name: 'bind',
    title: 'bind mounts',
    verdict: 'no',
    needed: true,
    detail: "can't bind",
    cause: 'a reason',
    user: 'ask',
    administrator: 'write a file',
    file: 'first {\n  second\n}\n',
  };
  const text = renderReport({ healthy: false, version: '1', findings: [finding, finding] });
  t.equal(
    text,
    `no    ${'bind mounts'.padEnd(44)}can't bind
      cause: a reason
      you can: ask
      the administrator can: write a file
          first {
            second
          }
no    ${'bind mounts'.padEnd(44)}can't bind
      cause: the same

Containers can NOT be run here.
`,
  );
  t.end();
});

t.test('file systems have names, and mounts their options', (t) => {
  t.same([0x6969, 0x0bd00bd0, 0x47504653, 0xff534d42 | 0, 0x1234].map(fileSystemName), [
    'NFS',
    'Lustre',
    'GPFS',
    'CIFS',
    'type 0x1234',
  ]);
  const mounts = parseMounts(`1 0 0:1 / / rw,relatime - ext4 /dev/vda rw
2 1 0:2 / /a\\040b rw,noexec,nosuid shared:1 - tmpfs none rw
3 1 0:3 / /a rw - tmpfs none rw
`);
  t.same(mountOf('/a b/c', mounts)?.options, ['rw', 'noexec', 'nosuid']);
  t.equal(mountOf('/a/b', mounts)?.place, '/a');
  t.equal(mountOf('/ab', mounts)?.place, '/');
  t.equal(mountOf('/ab', []), undefined);
  t.end();
});

t.test('directories on noexec mounts are named with what that means', (t) => {
  if (why) return skip(t, why);
  const script = 'mount -t tmpfs -o noexec,nosuid none /mnt; exec "$@"';
  const words = ['-Urm', 'sh', '-ec', script, 'sh', launcher, '--doctor=json'];
  const { stdout } = start(ordinaryUser, 'unshare', words, { env: { CH_IMAGE_STORAGE: '/mnt/not/yet' } });
  const { findings } = JSON.parse(stdout) as Report;
  t.match(
    findings.find(({ name }) => name === 'storage'),
    { title: 'storage (not created yet)', detail: /^\/mnt: tmpfs, (nosuid|noexec), / },
  );
  t.match(findings.find(({ name }) => name === 'storage')?.consequence, /noexec: programs in images/);
  t.end();
});

t.test('the batch system is seen', (t) => {
  const { stdout } = run(ordinaryUser, ['--doctor=json'], { env: { SLURM_JOB_ID: '7', PMI_RANK: '3' } });
  const { findings } = JSON.parse(stdout) as Report;
  t.match(
    findings.find(({ name }) => name === 'batch')?.detail,
    /SLURM_JOB_ID=7.*PMI_RANK=3|PMI_RANK=3.*SLURM/,
  );
  t.end();
});

t.test('a format that there is not, and a check that there is not', (t) => {
  failsWith(t, run(ordinaryUser, ['--doctor=xml']), 64, "expected text or json for --doctor, got 'xml'");
  failsWith(t, run(ordinaryUser, ['--try', 'magic']), 64, 'there is no check named magic');
  t.end();
});

for (const [place, said] of [
  ['/mnt', 'names these programs'],
  ['/opt/elsewhere', 'names programs elsewhere'],
] as const)
  t.test(`an AppArmor profile of ${place} is told apart from one of this installation`, (t) => {
    if (why) return skip(t, why);
    if (!/^engine: QuickJS/m.test(run(ordinaryUser, ['--version']).stdout))
      return skip(t, 'Node decides, which is not in the image');
    const profile = `profile ch-run-ts "${place}/bin/ch-run-ts" flags=(unconfined) { userns, }\n`;
    const outer = makeImage(t, { 'etc/apparmor.d/ch-run-ts': profile });
    const inside = [
      '-b',
      `${join(stage, 'package')}:/mnt`,
      outer,
      '--',
      '/mnt/bin/ch-run-ts',
      '--doctor=json',
    ];
    const report = JSON.parse(run(ordinaryUser, inside).stdout) as Report;
    const found = report.findings.find(({ name }) => name === 'moved');
    t.equal(found?.detail, `/etc/apparmor.d/ch-run-ts ${said}`);
    t.equal(found?.cause !== undefined, place !== '/mnt');
    t.end();
  });
