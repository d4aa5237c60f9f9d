/** What becomes of the environment: docs/options.md. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createSteps, encode, enterSteps, planOf, type Words, writePlan } from '../helpers/plans.js';
import {
  failsWith,
  image,
  isQuick,
  launcher,
  makeImage,
  ordinaryUser,
  plant,
  probeIn,
  type Report,
  run,
  scratch,
  start,
  users,
  variables,
} from '../helpers/support.js';

const user = ordinaryUser;
const base = { A: 'a', B: 'b', EMPTY: '', PATH: '/usr/bin:/bin', COLON: 'x:y' };

/** The launcher's own part, without a CLI in between: hundreds of starts cost nothing. */
function afterSteps(
  t: Test,
  steps: readonly Words[],
  env: NodeJS.ProcessEnv = base,
): { report: Record<string, string>; stderr: string; status: number | null } {
  const plan = writePlan(
    t,
    user,
    encode(
      planOf(user, [
        ...createSteps(user),
        ...steps.map((step) => ['enter', 'environment', ...step]),
        ...enterSteps,
      ]),
    ),
  );
  const script = ['with', ...Object.entries(env).map(([name, value]) => `env=${name}=${value}`), '--'];
  const { stdout, stderr, status } = start(user, '/usr/bin/env', [
    '-i',
    join(image, 'probe'),
    ...script,
    launcher,
    '--plan',
    plan,
    '/probe',
  ]);
  return { report: stdout ? variables(JSON.parse(stdout) as Report) : {}, stderr, status };
}

/** An assignment, and the variable's value afterwards. */
const expansions: readonly [string, string][] = [
  ['X=plain', 'plain'],
  ['X=', ''],
  ['X=a=b', 'a=b'],
  ['X=$A', 'a'],
  ['X=$A:$B', 'a:b'],
  ['X=$A:/bin', 'a:/bin'],
  ['X=/bin:$A', '/bin:a'],
  ['X=/x:$A:/y', '/x:a:/y'],
  ['X=$NONE', ''],
  ['X=$EMPTY', ''],
  ['X=$NONE:/bin', '/bin'],
  ['X=/bin:$NONE', '/bin'],
  ['X=/x:$NONE:/y', '/x:/y'],
  ['X=/x:$EMPTY:/y', '/x:/y'],
  ['X=$NONE:$EMPTY', ''],
  ['X=$NONE:$A:$EMPTY', 'a'],
  ['X=a::b', 'a::b'],
  ['X=:a', ':a'],
  ['X=a:', 'a:'],
  ['X=:', ':'],
  ['X=::', '::'],
  ['X=:$A:', ':a:'],
  ['X=$', '$'],
  ['X=$:a', '$:a'],
  ['X=$$A', ''],
  ['X=a$A', 'a$A'],
  ['X=$A b', ''],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what users of shells may type
  ['X=${A}', ''],
  ['X=$COLON:z', 'x:y:z'],
  ['X=\\$A', '\\$A'],
  ['X= $A', ' $A'],
  ["X='a b'", 'a b'],
  ["X='a", "'a"],
  ["X=a'", "a'"],
  ["X=''", ''],
  ["X='", "'"],
  ["X=''a''", "'a'"],
  ["X='$A'", 'a'],
  ["X='$A:$B'", 'a:b'],
  ['X="a"', '"a"'],
  ['X=# no comment', '# no comment'],
  ['X= spaces ', ' spaces '],
  ['X=a\tb', 'a\tb'],
  ['A=$A:more', 'a:more'],
  ['A=new', 'new'],
  ['with space=v', 'v'],
  ['X=caf\xe9', 'caf\xe9'],
];

for (const [assignment, value] of expansions) {
  const name = assignment.slice(0, assignment.indexOf('='));
  t.test(`${JSON.stringify(assignment)} gives ${JSON.stringify(value)}`, (t) => {
    const { report, stderr } = afterSteps(t, [['set', assignment, 'expand']]);
    t.equal(stderr, '');
    t.equal(report[name], value);
    t.end();
  });
}

for (const [assignment, value] of [
  ['X=$A', '$A'],
  ['X=$NONE:x', '$NONE:x'],
  ["X='$A'", '$A'],
] as const) {
  t.test(`without expansion ${assignment} gives ${value}`, (t) => {
    t.equal(afterSteps(t, [['set', assignment, 'literal']]).report.X, value);
    t.end();
  });
}

/** Globs, and which of these variables they leave. */
const names = ['A', 'AB', 'ABC', 'B', 'SLURM_JOB_ID', 'SLURM_X', 'a'];
const globs: readonly [string, string][] = [
  ['A', 'AB ABC B SLURM_JOB_ID SLURM_X a'],
  ['A*', 'B SLURM_JOB_ID SLURM_X a'],
  ['A?', 'A ABC B SLURM_JOB_ID SLURM_X a'],
  ['*', ''],
  ['?', 'AB ABC SLURM_JOB_ID SLURM_X'],
  ['[AB]', 'AB ABC SLURM_JOB_ID SLURM_X a'],
  ['[!A]*', 'A AB ABC'],
  ['SLURM_*', 'A AB ABC B a'],
  ['!(A*)', 'A AB ABC'],
  ['!(A*|B)', 'A AB ABC B'],
  ['@(A|B)', 'AB ABC SLURM_JOB_ID SLURM_X a'],
  ['+(A|B)', 'ABC SLURM_JOB_ID SLURM_X a'],
  ['A?(B)', 'ABC B SLURM_JOB_ID SLURM_X a'],
  ['*(A|B|C)', 'SLURM_JOB_ID SLURM_X a'],
  ['NONE', 'A AB ABC B SLURM_JOB_ID SLURM_X a'],
  ['A=*', 'A AB ABC B SLURM_JOB_ID SLURM_X a'],
];
for (const [glob, left] of globs) {
  t.test(`--unset-env='${glob}' leaves ${left || 'nothing'}`, (t) => {
    const env = Object.fromEntries(names.map((name) => [name, 'v']));
    const { report, stderr } = afterSteps(t, [['unset', glob]], env);
    t.equal(stderr, '');
    t.same(
      Object.keys(report)
        .filter((name) => names.includes(name))
        .join(' '),
      left,
    );
    t.end();
  });
}

/** PATH before and after. */
for (const [before, after] of [
  ['/usr/bin', '/usr/bin:/bin'],
  ['/usr/bin:/bin', '/usr/bin:/bin'],
  ['/bin', '/bin'],
  ['/bin:/usr/bin', '/bin:/usr/bin'],
  ['/a:/bin:/b', '/a:/bin:/b'],
  ['/bin/', '/bin/:/bin'],
  ['/sbin', '/sbin:/bin'],
  ['/usr/bin:', '/usr/bin::/bin'],
  ['', ':/bin'],
] as const) {
  t.test(`PATH=${before} becomes ${after}`, (t) => {
    const { report, stderr } = afterSteps(t, [['default', 'PATH']], { PATH: before });
    t.equal(stderr, '');
    t.equal(report.PATH, after);
    t.end();
  });
}

t.test('an unset PATH stays unset, with a warning, and /bin is searched', (t) => {
  const { report, stderr, status } = afterSteps(t, [['default', 'PATH']], { A: 'a' });
  t.equal(status, 0);
  t.notOk('PATH' in report);
  t.match(stderr, /^ch-run-ts\[\d+\]: warning: PATH is not set and stays unset.*\n$/);
  t.end();
});

t.test('a variable that comes twice is set once, and the other entry stays as it was', (t) => {
  const { report } = afterSteps(t, [
    ['set', 'A=1', 'expand'],
    ['set', 'A=2', 'expand'],
  ]);
  t.equal(report.A, '2');
  t.end();
});

/** Files of assignments, as the CLI's options give them. */
t.test('--set-env=FILE takes assignments one a line', (t) => {
  const file = join(scratch(t), 'env');
  writeFileSync(file, "X=1\n\nY='two words'\n\n\nZ=$X:$NONE:3\n#H=1\nLAST=end");
  const report = variables(probeIn(t, user, [`--set-env=${file}`, image]));
  t.match(report, { X: '1', Y: 'two words', Z: '1:3', '#H': '1', LAST: 'end' });
  t.end();
});

t.test('--set-env0=FILE takes assignments up to NUL bytes, with newlines in them', (t) => {
  const file = join(scratch(t), 'env');
  writeFileSync(file, 'X=1\n2\0\0Y=a b\0');
  t.match(variables(probeIn(t, user, [`--set-env0=${file}`, image])), { X: '1\n2', Y: 'a b' });
  t.end();
});

t.test('--set-env=FILE finds a relative file from where the user is, with bytes in its name', (t) => {
  const place = scratch(t);
  plant(place, { 'my env': 'X=1\n' });
  t.match(variables(probeIn(t, user, ['--set-env=my env', image], { cwd: place })), { X: '1' });
  t.end();
});

t.test('--set-env reads /ch/environment of the image', (t) => {
  const own = makeImage(t, { 'ch/environment': 'FROM=image\n' });
  t.match(variables(probeIn(t, user, ['--set-env', own])), { FROM: 'image' });
  t.match(variables(probeIn(t, user, ['--set-env0', makeImage(t, { 'ch/environment': 'A=1\n2\0B=3' })])), {
    A: '1\n2',
    B: '3',
  });
  t.end();
});

t.test('--set-env without /ch/environment in the image is an error that names it', (t) => {
  failsWith(
    t,
    run(user, ['--set-env', image, '--', 'true']),
    31,
    'read the environment file /ch/environment: open',
  );
  t.end();
});

t.test('--set-env=FILE reads process substitutions and pipes', (t) => {
  const script =
    'echo Z=3 | "$0" --set-env=<(echo X=1; sleep 0.2; echo Y=2) --set-env=/dev/stdin "$1" -- /probe';
  const { stdout, stderr, status } = start(user, 'bash', ['-c', script, launcher, image]);
  t.same([stderr, status], ['', 0]);
  t.match(variables(JSON.parse(stdout) as Report), { X: '1', Y: '2', Z: '3' });
  t.end();
});

const badFiles: readonly [string, string, string][] = [
  ['X=1\nnonsense\n', '--set-env=', "FILE:2: expected NAME=VALUE, got 'nonsense'"],
  ['X=1\n\n\n  \n', '--set-env=', "FILE:4: expected NAME=VALUE, got '  '"],
  ['=1\n', '--set-env=', "FILE:1: the name before '=' is empty in '=1'"],
  ['# comment\n', '--set-env=', "FILE:1: expected NAME=VALUE, got '# comment'"],
  ['A=1\0B', '--set-env0=', "FILE:2: expected NAME=VALUE, got 'B'"],
  ['A=1\0\0=x\0', '--set-env0=', "FILE:3: the name before '=' is empty in '=x'"],
];
for (const [content, option, message] of badFiles) {
  t.test(`${JSON.stringify(content)} in a file is reported with file and line`, (t) => {
    const file = join(scratch(t), 'env');
    writeFileSync(file, content);
    failsWith(t, run(user, [`${option}${file}`, image, '--', 'true']), 31, message.replace('FILE', file));
    t.end();
  });
}

t.test('a missing file, a directory and an unreadable file are reported by name', (t) => {
  const place = scratch(t);
  failsWith(
    t,
    run(user, [`--set-env=${place}/none`, image, '--', 'true']),
    31,
    `${place}/none: open: no such file`,
  );
  failsWith(t, run(user, [`--set-env=${place}`, image, '--', 'true']), 31, `${place}: read: is a directory`);
  writeFileSync(join(place, 'secret'), '', { mode: 0 });
  if (user.uid !== 0) {
    failsWith(
      t,
      run(user, [`--set-env=${place}/secret`, image, '--', 'true']),
      31,
      'secret: open: permission denied',
    );
  }
  t.end();
});

t.test('options are carried out in their order', (t) => {
  const report = (words: readonly string[]) => variables(probeIn(t, user, [...words, image]));
  t.notOk('X' in report(['--set-env=X=1', '--unset-env=X']));
  t.equal(report(['--unset-env=X', '--set-env=X=1']).X, '1');
  t.equal(report(['--set-env=X=1', '--set-env=X=$X:2', '--set-env=X=$X:3']).X, '1:2:3');
  t.equal(report(['--set-env=X=1', '--env-no-expand', '--set-env=X=$X']).X, '$X');
  t.end();
});

for (const each of users) {
  t.test(`HOME, PATH, TMPDIR, PWD and CH_RUNNING have the container's values, as ${each.name}`, (t) => {
    const env = { TMPDIR: '/tmp', PWD: '/somewhere', OLDPWD: '/x', HOME: '/home/me', PATH: '/usr/bin' };
    const report = variables(probeIn(t, each, [makeImage(t, { 'root/': null }, each)], { env }));
    t.match(report, {
      HOME: '/root',
      PATH: '/usr/bin:/bin',
      PWD: '/',
      OLDPWD: '/x',
      CH_RUNNING: 'ch-run-ts',
    });
    t.notOk('TMPDIR' in report);
    t.equal(variables(probeIn(t, each, [makeImage(t, {}, each)], { env })).HOME, '/', 'without /root');
    t.end();
  });
}

t.test('CH_RUNNING is set even when everything is unset, and can not be changed', (t) => {
  const { CH_RUNNING, PWD, ...rest } = variables(probeIn(t, user, ['--unset-env=*', image]));
  t.same([CH_RUNNING, PWD, rest], ['ch-run-ts', '/', {}]);
  t.equal(variables(probeIn(t, user, ['--set-env=CH_RUNNING=no', image])).CH_RUNNING, 'ch-run-ts');
  t.end();
});

t.test('HOME and PATH can be set by options, and PATH decides what is found', (t) => {
  const own = makeImage(t, { 'opt/tool': '#!/probe report\n' });
  const report = run(user, ['--set-env=PATH=/opt', '--set-env=HOME=/x', own, '--', 'tool']);
  t.equal(report.stderr, '');
  t.match(variables(JSON.parse(report.stdout) as Report), { HOME: '/x', PATH: '/opt' });
  t.end();
});

t.test('it works without USER and without HOME', (t) => {
  const words = ['-u', 'USER', '-u', 'HOME', '-u', 'LOGNAME', launcher, image, '--', '/probe'];
  const { stdout, stderr } = start(user, '/usr/bin/env', words);
  t.equal(stderr, '');
  const report = variables(JSON.parse(stdout) as Report);
  t.equal(report.HOME, '/root');
  t.notOk('USER' in report);
  t.end();
});

t.test('an empty environment is enough', (t) => {
  const { status, stderr } = start(user, '/usr/bin/env', [
    '-i',
    `PATH=${execFileSync('dirname', [process.execPath], { encoding: 'utf8' }).trim()}`,
    launcher,
    image,
    '--',
    'true',
  ]);
  t.same([status, stderr], [0, '']);
  t.end();
});

t.test('a file of very many variables takes a time that grows with their number alone', (t) => {
  const file = join(scratch(t), 'many');
  const lines = Array.from({ length: 40_000 }, (_, at) => `V${at % 20_000}=${at}`);
  writeFileSync(file, [...lines, 'A=$V0', 'V7=last', ''].join('\n'));
  // too many for execve: only --set-env goes by all of them
  const words = [`--set-env=${file}`, '--unset-env=V[1-9]?*', '--set-env=B=$V8'];
  isQuick(t, 3000, () => {
    const { env } = probeIn(t, ordinaryUser, [...words, image]);
    const found = ['A', 'B', 'V0', 'V7'].map((name) => env.find((entry) => entry.startsWith(`${name}=`)));
    t.same(found, ['A=20000', 'B=20008', 'V0=20000', 'V7=last']);
  });
  t.end();
});
