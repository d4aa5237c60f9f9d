/** The user's name inside: read from the host's files where these come first, else asked of getent(1). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type Ending,
  environmentOf,
  image,
  launcher,
  ordinaryUser,
  plant,
  scratch,
  start,
} from '../support.js';

/** A host as its name service sees it, and what must be the user's line and the group's inside. */
interface Case {
  readonly title: string;
  readonly nsswitch: string;
  readonly passwd?: string;
  readonly group?: string;
  /** What getent answers, by its words; the real one is asked where this is undefined. */
  readonly getent?: string;
  readonly user: string;
  readonly inGroup: string;
  /** What getent is asked. */
  readonly asked: readonly string[];
}

const id = 4242;
const passwd = `root:x:0:0:root:/root:/bin/sh\nann:x:${id}:${id}:Ann, of 42:/home/ann:/bin/zsh\n`;
const group = `root:x:0:\nlab:x:${id}:ann,bob\n`;
const ann = `ann:x:${id}:${id}:Ann, of 42:/home/ann:/bin/sh`;
const standIn = { user: `user${id}:x:${id}:${id}:container user:/:/bin/sh`, inGroup: `group${id}:x:${id}:` };
const both = [`group ${id}`, `passwd ${id}`];

/** A getent that notes what it is asked, and then runs `body`. */
const noting = (body: string) => `#!/bin/sh\necho "$*" >>"\${0%/*}/asked"\n${body}\n`;
const directory = `case $1 in
  passwd) echo 'ldap-ann:*:${id}:${id}:Ann:/home/ldap-ann:/bin/tcsh' ;;
  group) echo 'ldap-lab:*:${id}:ann,bob' ;;
esac`;
const fromDirectory = {
  getent: noting(directory),
  user: `ldap-ann:x:${id}:${id}:Ann:/home/ldap-ann:/bin/sh`,
  inGroup: `ldap-lab:x:${id}:`,
  asked: both,
};
const fromFiles = { user: ann, inGroup: `lab:x:${id}:` };

const cases: readonly Case[] = [
  {
    title: 'files come first: nobody is asked',
    nsswitch: '# the host\npasswd:\t files systemd # local\ngroup: files [SUCCESS=merge] sss\nhosts: dns\n',
    ...fromFiles,
    getent: noting('exit 1'),
    asked: [],
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
    asked: [`passwd ${id}`],
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
    title: 'the real getent is asked',
    nsswitch: 'passwd: no_such_service files\ngroup: no_such_service files\n',
    ...fromFiles,
    asked: [],
  },
  {
    title: 'lines that are no entries',
    nsswitch: 'passwd: files\ngroup: files',
    passwd: `#x:x:${id}:1:::\n+y::${id}::::\n-z:x:${id}\n\n:x:${id}:1:::\nw:x:x${id}:1:::\nv:x:${id}0:1:::\nu:x\n${passwd.trim()}`,
    group: `+::${id}:\n${group}`,
    ...fromFiles,
    getent: noting('exit 1'),
    asked: [],
  },
  {
    title: 'entries without all their fields',
    nsswitch: 'passwd: files\ngroup: files',
    passwd: `ann:x:${id}`,
    group: `lab:x:${id}`,
    user: `ann:x:${id}:${id}:::/bin/sh`,
    inGroup: fromFiles.inGroup,
    asked: [],
  },
  {
    title: 'nobody knows the user',
    nsswitch: 'passwd: ldap',
    getent: noting('exit 2'),
    ...standIn,
    asked: both,
  },
  {
    title: 'the answer is about somebody else',
    nsswitch: '',
    getent: noting('echo eve:x:1:1:::; echo "is the server down?"'),
    ...standIn,
    asked: both,
  },
  {
    title: 'getent is killed',
    nsswitch: '',
    getent: noting('kill -9 $$'),
    ...standIn,
    asked: both,
  },
  { title: 'getent is no program', nsswitch: '', getent: '', ...standIn, asked: [] },
];

/** Puts files over those of the host, and starts the launcher as user 4242 there. */
function startThere(files: string, words: readonly string[], env: NodeJS.ProcessEnv): Ending {
  const mounts = ['passwd', 'group', 'nsswitch.conf'].map((name) => `mount --bind "$0/${name}" /etc/${name}`);
  const become = `exec unshare -U --map-user=${id} --map-group=${id} "$@"`;
  const script = [...mounts, become].join('\n');
  return start(ordinaryUser, 'unshare', ['-Urm', 'sh', '-ec', script, files, ...words], { env });
}

function prepare(t: Test, host: Case): { readonly files: string; readonly path: string } {
  const files = scratch(t);
  plant(files, {
    passwd: host.passwd ?? passwd,
    group: host.group ?? group,
    'nsswitch.conf': host.nsswitch,
    ...(host.getent === undefined ? {} : { 'bin/getent': host.getent }),
  });
  return { files, path: `${files}/bin:${environmentOf(ordinaryUser).PATH}` };
}

for (const host of cases) {
  t.test(host.title, (t) => {
    const { files, path } = prepare(t, host);
    const script = 'cat /etc/passwd /etc/group';
    const { status, stdout, stderr } = startThere(
      files,
      [launcher, '--no-memo', image, '--', 'sh', '-c', script],
      { PATH: path },
    );
    t.equal(stderr, '');
    t.equal(status, 0);
    const lines = stdout.split('\n').filter((line) => line.includes(String(id)));
    t.same(lines, [host.user, host.inGroup]);
    const asked = join(files, 'bin/asked');
    t.same(existsSync(asked) ? readFileSync(asked, 'utf8').trim().split('\n').sort() : [], host.asked);
    t.end();
  });
}

t.test('a name service that is missing is told of with -v, and is no error', (t) => {
  const { files } = prepare(t, { ...standIn, title: '', nsswitch: '', asked: [] });
  const { status, stderr } = startThere(
    files,
    ['env', 'PATH=/nonexistent', launcher, '-v', '--no-memo', image, '--', '/bin/true'],
    {},
  );
  t.equal(status, 0);
  t.match(stderr, /can't ask the host's name service: getent: no such file or directory\n/);
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
    const { files, path } = prepare(t, { ...fromDirectory, title, nsswitch: '' });
    // the shell's own words only: a child of its own would change what is looked at
    const script = `while read -r name value; do if [ "$name" = ShdPnd: ]; then echo "$value"; fi; done </proc/$$/status
      read -r children </proc/$$/task/$$/children; echo "children: $children"; grep -c ldap /etc/passwd`;
    const python = `import os, signal, sys\n${before}\nos.execv(sys.argv[1], sys.argv[1:])`;
    const words = ['python3', '-c', python, launcher, image, '--', 'sh', '-c', script];
    // the second time by a remembered plan: Node forgets a pending SIGCHLD
    const [, { status, stdout, stderr }] = [1, 2].map(() => startThere(files, words, { PATH: path })) as [
      Ending,
      Ending,
    ];
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.equal(stdout, `${pending}\nchildren: \n1\n`);
    t.end();
  });
}
