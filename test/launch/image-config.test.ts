/** Images that are run as their configuration says. docs/images.md has the table. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  failsWith,
  makeImage,
  noSquashfs,
  type Report,
  run,
  runQuietly,
  scratch,
  skip,
  type Tree,
  type User,
  users,
  variables,
} from '../helpers/support.js';

t.setTimeout(120_000);

interface Run {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly Volumes?: Readonly<Record<string, object>>;
}

const report = { Entrypoint: ['/probe', 'report'] };
const configOf = (config: Run): Tree => ({ 'ch/config.json': JSON.stringify({ config }) });

/** An image that reports, in each of the two forms. */
function test(
  title: string,
  config: Run,
  tree: Tree,
  body: (t: Test, user: User, image: string) => void,
): void {
  for (const user of users) {
    t.test(`${title}, as ${user.name}`, (t) => {
      const directory = makeImage(t, { ...configOf({ ...report, ...config }), ...tree }, user);
      t.test('a directory', (t) => {
        body(t, user, directory);
        t.end();
      });
      t.test('a SquashFS file', (t) => {
        if (noSquashfs) return skip(t, noSquashfs);
        const file = join(scratch(t, user), 'image.sqfs');
        execFileSync('mksquashfs', [directory, file, '-quiet', '-no-progress', '-all-root']);
        body(t, user, file);
        t.end();
      });
      t.end();
    });
  }
}

function reported(t: Test, user: User, words: readonly string[], env: NodeJS.ProcessEnv = {}): Report {
  return JSON.parse(runQuietly(t, user, words, { env })) as Report;
}

const argumentsOf = ({ argv }: Report) => argv.slice(2);
/** Of user and group. */
const idsOf = ({ status }: Report) =>
  ['Uid', 'Gid'].map((name) =>
    Number(/^\S+\s+(\d+)/.exec(status.find((line) => line.startsWith(name)) ?? '')?.[1]),
  );

test(
  'ENTRYPOINT and CMD are run; a command is run alone',
  { Cmd: ['from cmd', ''] },
  {},
  (t, user, image) => {
    t.same(argumentsOf(reported(t, user, [image])), ['from cmd', '']);
    t.same(argumentsOf(reported(t, user, [image, '--'])), ['from cmd', '']);
    t.equal(run(user, [image, '--', '/probe', 'status', '7']).status, 7, 'the plans of both are told apart');
    t.same(
      argumentsOf(reported(t, user, ['--image-config', image, '--', 'mine'])),
      ['mine'],
      'in place of CMD',
    );
    t.same(argumentsOf(reported(t, user, [image])), ['from cmd', ''], 'and again, as remembered');
  },
);

test('CMD alone is a command', { Entrypoint: [], Cmd: ['/probe', 'status', '9'] }, {}, (t, user, image) => {
  t.equal(run(user, [image]).status, 9);
  t.equal(run(user, ['--image-config', image, '--', '/probe', 'status', '8']).status, 8);
});

const Env = [
  'A=of image',
  'EMPTY=',
  "QUOTED='x'",
  'LINES=1\n2=3',
  'PATH=/of/image',
  'REFERS=$A',
  '=odd',
  'odd',
];
test('ENV is set as it stands, before --set-env', { Env }, {}, (t, user, image) => {
  const { A, EMPTY, QUOTED, LINES, PATH, REFERS, container, FROM_HOST } = variables(
    reported(t, user, ['--set-env=A=of user', image], { FROM_HOST: 'kept' }),
  );
  t.same(
    { A, EMPTY, QUOTED, LINES, PATH, REFERS, container, FROM_HOST },
    {
      A: 'of user',
      EMPTY: '',
      QUOTED: "'x'",
      LINES: '1\n2=3',
      PATH: '/of/image',
      REFERS: '$A',
      container: 'ch-run-ts',
      FROM_HOST: 'kept',
    },
  );
});

test('WORKDIR is entered, and made if it is missing', { WorkingDir: '/made/here' }, {}, (t, user, image) => {
  t.equal(reported(t, user, [image]).cwd, '/made/here');
  t.equal(reported(t, user, ['--cd=/mnt', image]).cwd, '/mnt');
});

const people: Tree = {
  'etc/passwd': 'root:x:0:0::/root:/bin/sh\njoe:x:1234:77:Joe:/home/joe:/bin/sh\n',
  'etc/group': 'root:x:0:\nstaff:x:88:joe\n',
};
const named: readonly [string, number, number, string][] = [
  ['joe', 1234, 77, '/home/joe'],
  ['joe:staff', 1234, 88, '/home/joe'],
  ['1234', 1234, 77, '/home/joe'],
  ['1234:5', 1234, 5, '/home/joe'],
  ['4321', 4321, 0, '/'],
];
for (const [words, uid, gid, home] of named)
  test(`USER ${words}`, { User: words }, people, (t, user, image) => {
    const found = reported(t, user, [image]);
    t.same(idsOf(found), [uid, gid]);
    t.equal(variables(found).HOME, home);
    t.same(idsOf(reported(t, user, ['--uid=5', '--gid=6', image])), [5, 6]);
  });

for (const words of ['root', '0', ''])
  test(`USER '${words}' is whoever runs the image`, { User: words }, people, (t, user, image) => {
    t.same(idsOf(reported(t, user, [image])), [user.uid, user.gid]);
  });

test('an unknown USER is an error', { User: 'jane' }, people, (t, user, image) => {
  failsWith(t, run(user, [image]), 31, "user 'jane', who is not in its /etc/passwd", '--uid');
});

const outwards: Tree = { 'etc/passwd': { link: '../../../../../../../../../etc/passwd-of-image' } };
const inside: Tree = { 'etc/passwd-of-image': 'daemon:x:4242:42::/d:/bin/sh\n', 'etc/group': '' };
test('links stay in the image', { User: 'daemon' }, { ...outwards, ...inside }, (t, user, image) => {
  t.same(idsOf(reported(t, user, [image])), [4242, 42]);
});

const sh = readFileSync('/bin/busybox');
const Volumes = { '/data/': {}, '/mnt': {}, '/tmp/x': {}, '/new': {} };
const script = `cat /data/file /data/deep/more; echo more >>/data/file && echo x >/new/x && cat /data/file /mnt/bound
(echo x >/etc/z) 2>/dev/null || echo read-only`;
const volume: Tree = { 'data/file': 'content\n', 'data/deep/more': 'deep\n', 'bin/sh': sh };
test(
  'VOLUMEs can be written to, and hold what the image has',
  { Volumes, Entrypoint: ['/bin/sh', '-c', script] },
  volume,
  (t, user, image) => {
    const place = scratch(t, user);
    writeFileSync(join(place, 'bound'), 'bound\n');
    const written = 'content\ndeep\ncontent\nmore\nbound\nread-only\n';
    t.equal(runQuietly(t, user, ['-b', `${place}:/mnt`, image]), written, 'a bind takes the place of one');
    t.equal(runQuietly(t, user, ['-b', `${place}:/mnt`, image]), written, 'and nothing is kept');
    const refused = run(user, ['--no-volumes', '-b', `${place}:/mnt`, image]);
    t.match(refused, { stdout: /^content\ndeep\n/, stderr: /\/data\/file: Read-only file system/ });
  },
);

test(
  'a VOLUME that has passwd and group in it hides neither its content nor who the caller is',
  {
    Volumes: { '/etc': {} },
    Entrypoint: ['/bin/sh', '-c', 'cat /etc/mine; id -u; cut -d: -f3 /etc/passwd; echo >/etc/new'],
  },
  { 'etc/mine': 'mine\n', 'bin/sh': sh, 'bin/id': sh, 'bin/cut': sh },
  (t, user, image) => {
    const [mine, uid, ...others] = runQuietly(t, user, [image]).trim().split('\n');
    t.same([mine, uid], ['mine', String(user.uid)]);
    t.ok(others.includes(String(user.uid)));
  },
);

const singularity: Tree = {
  'bin/sh': sh,
  '.singularity.d/env/10-a.sh': 'export A=of-image B=of-image UID; IFS=:\n',
  '.singularity.d/runscript': '#!/bin/sh\necho "$A: $*"\n',
};
for (const user of users)
  t.test(`the runscript and environment of Apptainer are used inside, as ${user.name}`, (t) => {
    const image = makeImage(t, singularity, user);
    t.equal(runQuietly(t, user, [image]), 'of-image: \n');
    const words = ['--image-config', image, '--', 'sh', '-c', 'echo "$A; $0"', 'mine'];
    t.equal(runQuietly(t, user, words), 'of-image; mine\n');
    t.equal(runQuietly(t, user, [image, '--', 'sh', '-c', 'echo "$A."']), '.\n');
    t.end();
  });

for (const user of users)
  t.test(`what the caller sets takes precedence over Apptainer's environment, as ${user.name}`, (t) => {
    const image = makeImage(t, singularity, user);
    const odd = `x  y; echo "$A" \`id\` 'z\n*`;
    const file = join(image, 'set');
    writeFileSync(file, 'B=of-file\nC.D=kept\nUID=5\n');
    const words = [`--set-env=A=${odd}`, `--set-env=${file}`, '--unset-env=NOT', '--set-env=E=$A', image];
    const text = runQuietly(t, user, ['--image-config', ...words, '--', '/probe', 'report']);
    const found = variables(JSON.parse(text) as Report);
    t.match(found, { A: odd, B: 'of-file', E: odd });
    t.notOk(
      Object.keys(found).some((name) => /ch_run_ts|CH_RUN_TS/.test(name)),
      'no trace',
    );
    t.equal(runQuietly(t, user, ['--set-env=A=mine', '--unset-env=A', image]), 'of-image: \n');
    t.end();
  });

for (const user of users)
  t.test(
    `a configuration that changes is read again, and one that is wrong is named, as ${user.name}`,
    (t) => {
      const image = makeImage(t, configOf({ Cmd: ['/probe', 'status', '3'] }), user);
      const config = join(image, 'ch/config.json');
      const statusWith = (text: string) => {
        writeFileSync(config, text);
        return run(user, [image]);
      };
      t.equal(run(user, [image]).status, 3);
      t.equal(statusWith(JSON.stringify({ config: { Cmd: ['/probe', 'status', '4'] } })).status, 4);
      failsWith(t, statusWith('{'), 31, /\/ch\/config\.json of the image is not JSON/);
      failsWith(t, statusWith('{"config":{"Cmd":"sh"}}'), 31, /config\.Cmd of .* is not a list/);
      failsWith(t, statusWith('{"config":{}}'), 64, 'no command to run in the container', /IMAGE|-- COMMAND/);
      rmSync(config);
      failsWith(t, run(user, [image]), 64, 'no command to run in the container');
      failsWith(
        t,
        run(user, ['--image-config', image, '--', '/probe']),
        64,
        'the image has no configuration',
      );
      if (!noSquashfs) {
        const file = join(scratch(t, user), 'image.sqfs');
        execFileSync('mksquashfs', [image, file, '-quiet', '-no-progress', '-all-root']);
        failsWith(t, run(user, [file]), 64, 'no command to run in the container');
      }
      execFileSync('mkfifo', ['-m', '666', config]);
      failsWith(t, run(user, [image]), 64, 'no command to run in the container');
      rmSync(config);
      symlinkSync('/proc/self/environ', config);
      failsWith(t, run(user, [image]), 64, 'no command to run in the container');
      t.end();
    },
  );
