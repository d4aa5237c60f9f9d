/** The user's name inside: read from the host's files where these come first, else asked of ch-run-ts-names. */
import { chownSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type Ending,
  image,
  isRoot,
  ordinaryUser,
  plant,
  scratch,
  stage,
  start,
} from '../helpers/support.js';

/** A host as its name service sees it, and what must be the user's line and the group's inside. */
interface Case {
  readonly title: string;
  readonly nsswitch: string;
  readonly passwd?: string;
  readonly group?: string;
  /** Stands for ch-run-ts-names, which is asked itself where this is undefined. */
  readonly program?: string;
  readonly user: string;
  readonly inGroup: string;
  /** What the program is asked; undefined if it is not started. */
  readonly asked?: string;
}

const id = 4242;
const passwd = `root:x:0:0:root:/root:/bin/sh\nann:x:${id}:${id}:Ann, of 42:/home/ann:/bin/zsh\n`;
const group = `root:x:0:\nlab:x:${id}:ann,bob\n`;
const ann = `ann:x:${id}:${id}:Ann, of 42:/root:/bin/sh`;
const standIn = {
  user: `user${id}:x:${id}:${id}:container user:/root:/bin/sh`,
  inGroup: `group${id}:x:${id}:`,
};
const both = `${id} ${id}`;

/** A program that notes what it is asked, and then runs `body`. It is started by a descriptor, which `$0` names. */
const noting = (body: string) =>
  `#!/bin/sh\nexec >&$1\nshift\necho "$*" >"$(dirname "$(readlink "$0")")/asked"\n${body}\n`;
/** For printf(1): addon/base/records.h. */
const record = (name: string, text: string) => `${name}\\0001\\000${text}\\000`;
const silent = { program: noting('exit 1') };
const fromDirectory = {
  program: noting(`[ $1 = - ] || printf '${record('user', 'ldap-ann')}${record('comment', 'Ann')}'
    [ $2 = - ] || printf '${record('group', 'ldap-lab')}'`),
  user: `ldap-ann:x:${id}:${id}:Ann:/root:/bin/sh`,
  inGroup: `ldap-lab:x:${id}:`,
  asked: both,
};
const fromFiles = { user: ann, inGroup: `lab:x:${id}:` };

const cases: readonly Case[] = [
  {
    title: 'files come first: nobody is asked',
    nsswitch: '# the host\npasswd:\t files systemd # local\ngroup: files [SUCCESS=merge] sss\nhosts: dns\n',
    ...fromFiles,
    ...silent,
  },
  {
    title: 'files come first and do not know the user',
    nsswitch: 'passwd: files ldap\ngroup: files ldap\n',
    passwd: `root:x:0:0:root:/root:/bin/sh\nbob:x:424:${id}::/:/bin/sh\n`,
    group: 'root:x:0:\n',
    ...fromDirectory,
  },
  {
    title: 'only the group is in a file',
    nsswitch: 'passwd: files ldap\ngroup: files ldap\n',
    passwd: '',
    ...fromDirectory,
    inGroup: fromFiles.inGroup,
    asked: `${id} -`,
  },
  {
    title: 'the directory comes first',
    nsswitch: 'passwd: ldap files\ngroup: ldap files\n',
    ...fromDirectory,
  },
  {
    title: 'files come first, and others have the last word',
    nsswitch: 'passwd: files [success=continue] ldap\ngroup: files [ SUCCESS=continue ] ldap\n',
    ...fromDirectory,
  },
  {
    title: 'a service whose name begins like files',
    nsswitch: 'passwd: filesystem\ngroup: filesystem',
    ...fromDirectory,
  },
  { title: 'nothing is said of these databases', nsswitch: 'hosts: files\n', ...fromDirectory },
  {
    title: 'only the user is in a file',
    nsswitch: 'passwd: files ldap\ngroup: ldap\n',
    ...fromDirectory,
    user: fromFiles.user,
    asked: `- ${id}`,
  },
  {
    title: 'the name service itself is asked',
    nsswitch: 'passwd: no_such_service files\ngroup: no_such_service files\n',
    ...fromFiles,
  },
  {
    title: 'the name service itself knows nobody',
    nsswitch: 'passwd: no_such_service\ngroup: no_such_service\n',
    ...standIn,
  },
  {
    title: 'lines that are no entries',
    nsswitch: 'passwd: files\ngroup: files',
    passwd: `#x:x:${id}:1:::\n+y::${id}::::\n-z:x:${id}\n\n:x:${id}:1:::\nw:x:x${id}:1:::\nv:x:${id}0:1:::\nu:x\n${passwd.trim()}`,
    group: `+::${id}:\n${group}`,
    ...fromFiles,
    ...silent,
  },
  {
    title: 'entries without all their fields',
    nsswitch: 'passwd: files\ngroup: files',
    passwd: `ann:x:${id}`,
    group: `lab:x:${id}`,
    user: `ann:x:${id}:${id}::/root:/bin/sh`,
    inGroup: fromFiles.inGroup,
    ...silent,
  },
  { title: 'there is no answer', nsswitch: 'passwd: ldap', ...silent, ...standIn, asked: both },
  {
    title: 'half an answer',
    nsswitch: '',
    program: noting(`printf 'user\\0001\\000ann'`),
    ...standIn,
    asked: both,
  },
  {
    title: 'an answer that would make lines of its own',
    nsswitch: '',
    program: noting(
      `printf '${record('user', 'a:n')}${record('comment', 'A\\n:x')}${record('group', 'l:\\n')}'`,
    ),
    user: `a n:x:${id}:${id}:A  x:/root:/bin/sh`,
    inGroup: `l  :x:${id}:`,
    asked: both,
  },
  { title: 'the program is killed', nsswitch: '', program: noting('kill -9 $$'), ...standIn, asked: both },
  { title: 'the program is none', nsswitch: '', program: 'nothing', ...standIn },
];

/** Puts files over those of the host, and starts the launcher as user 4242 there. */
function startThere(files: string, words: readonly string[]): Ending {
  const mounts = ['passwd', 'group', 'nsswitch.conf'].map((name) => `mount --bind "$0/${name}" /etc/${name}`);
  const become = `exec unshare -U --map-user=${id} --map-group=${id} "$@"`;
  const script = [...mounts, become].join('\n');
  return start(ordinaryUser, 'unshare', ['-Urm', 'sh', '-ec', script, files, ...words]);
}

/** The files of a host, and the launcher of a package with its program that asks for names. */
function prepare(
  t: Test,
  host: Case,
): { readonly files: string; readonly launcher: string; readonly asked: string } {
  const files = scratch(t);
  const place = join(files, 'package');
  const program = join(place, 'build/Release/ch-run-ts-names');
  cpSync(join(stage, 'package'), place, { recursive: true });
  if (isRoot) chownSync(dirname(program), ordinaryUser.uid, ordinaryUser.gid);
  if (host.program !== undefined) writeFileSync(program, host.program);
  plant(files, { passwd: host.passwd ?? passwd, group: host.group ?? group, 'nsswitch.conf': host.nsswitch });
  return { files, launcher: join(place, 'bin/ch-run-ts'), asked: join(dirname(program), 'asked') };
}

for (const host of cases) {
  t.test(host.title, (t) => {
    const { files, launcher, asked } = prepare(t, host);
    const words = [launcher, '--no-memo', image, '--', 'cat', '/etc/passwd', '/etc/group'];
    const { status, stdout, stderr } = startThere(files, words);
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.same(
      stdout.split('\n').filter((line) => line.includes(String(id))),
      [host.user, host.inGroup],
    );
    t.equal(existsSync(asked) ? readFileSync(asked, 'utf8').trim() : undefined, host.asked);
    t.end();
  });
}

t.test('a program that is missing is told of with -v, and is no error', (t) => {
  const { files, launcher } = prepare(t, { ...standIn, title: '', nsswitch: '' });
  rmSync(join(files, 'package/build/Release/ch-run-ts-names'));
  const { status, stderr } = startThere(files, [launcher, '-v', '--no-memo', image, '--', 'true']);
  t.equal(status, 0);
  t.match(stderr, /can't start the look-up of names .*\/ch-run-ts-names: open: no such file or directory\n/);
  t.end();
});

t.test('the program does not get what the environment has for the command', (t) => {
  const program = noting(`printf "${record('user', '$LD_LIBRARY_PATH')}"`);
  const { files, launcher } = prepare(t, { ...standIn, title: '', nsswitch: '', program });
  const words = [
    'env',
    'LD_LIBRARY_PATH=/spoilt',
    launcher,
    '--no-memo',
    image,
    '--',
    'grep',
    '-c',
    'user4242',
    '/etc/passwd',
  ];
  t.match(startThere(files, words), { status: 0, stdout: '1\n' });
  t.end();
});

const signals: readonly [string, string, string][] = [
  ['nothing special', 'pass', '0'.repeat(16)],
  ['children are ignored', 'signal.signal(17, signal.SIG_IGN)', '0'.repeat(16)],
  ['SIGCHLD is blocked', 'signal.pthread_sigmask(0, [17])', '0'.repeat(16)],
  ['SIGCHLD is pending', 'signal.pthread_sigmask(0, [17]); os.kill(os.getpid(), 17)', '0000000000010000'],
];

for (const [title, before, pending] of signals) {
  t.test(`the command has no child and no signal of ours: ${title}`, (t) => {
    const { files, launcher } = prepare(t, { ...fromDirectory, title, nsswitch: '' });
    // the shell's own words only: a child of its own would change what is looked at
    const script = `while read -r name value; do if [ "$name" = ShdPnd: ]; then echo "$value"; fi; done </proc/$$/status
      read -r children </proc/$$/task/$$/children; echo "children: $children"; grep -c ldap /etc/passwd`;
    const python = `import os, signal, sys\n${before}\nos.execv(sys.argv[1], sys.argv[1:])`;
    const words = ['python3', '-c', python, launcher, image, '--', 'sh', '-c', script];
    // the second time by a remembered plan: Node forgets a pending SIGCHLD
    const [, { status, stdout, stderr }] = [1, 2].map(() => startThere(files, words)) as [Ending, Ending];
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.equal(stdout, `${pending}\nchildren: \n1\n`);
    t.end();
  });
}
