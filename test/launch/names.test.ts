/** The user's name inside: read from the host's files where these come first, else asked of getent(1). */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Ending, image, launcher, ordinaryUser, plant, scratch, start } from '../helpers/support.js';

/** A host as its name service sees it, and what must be the user's line and the group's inside. */
interface Case {
  readonly title: string;
  readonly nsswitch: string;
  readonly passwd?: string;
  readonly group?: string;
  /** Stands for getent(1), which is asked itself where this is undefined. */
  readonly program?: string;
  readonly user: string;
  readonly inGroup: string;
  /** What getent is asked, in whatever order; undefined if it is not started. */
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
const [askedUser, askedGroup] = [`passwd ${id}`, `group ${id}`];
const both = `${askedGroup} ${askedUser}`;

/** A program that notes what it is asked, in a file of that name at `notes`, and then runs `body`. */
const notes = '/mnt';
const noting = (body: string) => `#!/bin/sh\n: >"${notes}/$*"\n${body}\n`;
/** One that answers with these lines. */
const answering = (user: string, group: string) =>
  noting(`case $1 in passwd) printf %s '${user}';; group) printf %s '${group}';; esac`);
const silent = { program: noting('exit 1') };
const fromDirectory = {
  program: answering(`ldap-ann:*:${id}:${id}:Ann:/ann:/bin/zsh\n`, `ldap-lab:*:${id}:ann\n`),
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
    asked: askedUser,
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
    asked: askedGroup,
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
    program: answering(`ann:x:${id}:${id}:An`, `lab:x:${id}`),
    ...standIn,
    asked: both,
  },
  {
    title: 'an answer about somebody else',
    nsswitch: '',
    program: answering('ann:x:0:0:Ann:/ann:/bin/sh\n', 'lab:x:0:\n'),
    ...standIn,
    asked: both,
  },
  {
    title: 'an answer longer than a pipe takes',
    nsswitch: '',
    program: noting(`[ $1 = passwd ] || { printf lab:x:${id}:; seq -s, 200000; }`),
    ...standIn,
    inGroup: fromFiles.inGroup,
    asked: both,
  },
  { title: 'the program is killed', nsswitch: '', program: noting('kill -9 $$'), ...standIn, asked: both },
  { title: 'the program is none', nsswitch: '', program: 'nothing', ...standIn },
];

/** Puts files over those of the host, with notes of what is asked, and starts the launcher as user 4242 there. */
function startThere(files: string, words: readonly string[]): Ending {
  const script = `
    for each in passwd group nsswitch.conf; do mount --bind "$0/$each" "/etc/$each"; done
    mount --bind "$0/asked" ${notes}
    [ ! -e "$0/getent" ] || mount --bind "$0/getent" /usr/bin/getent
    [ ! -e "$0/prepare" ] || . "$0/prepare"
    exec unshare -U --map-user=${id} --map-group=${id} "$@"`;
  return start(ordinaryUser, 'unshare', ['-Urm', 'sh', '-ec', script, files, ...words], { cwd: '/' });
}

/** The files of a host. */
function prepare(t: Test, host: Case): string {
  const files = scratch(t);
  plant(files, { passwd: host.passwd ?? passwd, group: host.group ?? group, 'nsswitch.conf': host.nsswitch });
  plant(files, { asked: null, ...(host.program === undefined ? {} : { getent: host.program }) });
  return files;
}

for (const host of cases) {
  t.test(host.title, (t) => {
    const files = prepare(t, host);
    const words = [launcher, '--no-memo', image, '--', 'cat', '/etc/passwd', '/etc/group'];
    const { status, stdout, stderr } = startThere(files, words);
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.same(
      stdout.split('\n').filter((line) => line.includes(String(id))),
      [host.user, host.inGroup],
    );
    t.equal(readdirSync(join(files, 'asked')).sort().join(' ') || undefined, host.asked);
    t.end();
  });
}

t.test('where there is no getent the user has no name, which -v tells', (t) => {
  const files = prepare(t, { ...standIn, title: '', nsswitch: '' });
  plant(files, {
    prepare: `mount -t tmpfs none /mnt; mkdir /mnt/upper /mnt/work
      mount -t overlay none -o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work,userxattr /usr/bin
      rm /usr/bin/getent`,
  });
  const words = ['-v', '--no-memo', image, '--', 'grep', String(id), '/etc/passwd'];
  const { status, stdout, stderr } = startThere(files, [launcher, ...words]);
  t.same({ status, stdout }, { status: 0, stdout: `${standIn.user}\n` });
  t.match(stderr, /can't look up names: there is no getent\(1\) in \/usr\/bin or \/bin\n/);
  t.end();
});

t.test('getent does not get what the environment has for the command', (t) => {
  const program = noting(`echo "ldap$LD_LIBRARY_PATH:x:${id}:${id}:::"`);
  const files = prepare(t, { ...standIn, title: '', nsswitch: '', program });
  const words = ['--no-memo', image, '--', 'grep', '-c', '^ldap:', '/etc/passwd'];
  const ending = startThere(files, ['env', 'LD_LIBRARY_PATH=/spoilt', launcher, ...words]);
  t.match(ending, { status: 0, stdout: '1\n' });
  t.end();
});

t.test('what modules of the name service print is not among the output of the command', (t) => {
  const program = noting('echo noise >&2; cat');
  const files = prepare(t, { ...standIn, title: '', nsswitch: '', program });
  t.match(startThere(files, [launcher, '--no-memo', image, '--', 'true']), {
    status: 0,
    stdout: '',
    stderr: '',
  });
  t.end();
});

t.test('getent that writes without end does not hold up a launch', (t) => {
  const program = noting(
    'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123; done',
  );
  const files = prepare(t, { ...standIn, title: '', nsswitch: '', program });
  t.match(startThere(files, [launcher, '--no-memo', image, '--', 'true']), { status: 0, stderr: '' });
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
    const files = prepare(t, { ...fromDirectory, title, nsswitch: '' });
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
