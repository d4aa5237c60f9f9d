/** The caller's session keyring: there by default, as AFS and kerberized NFS need it, and not with --new-keyring. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { committed, launcher, skip, start, users } from '../helpers/support.js';

for (const user of users) {
  t.test(
    `keys of the caller can be read in the container, unless --new-keyring is given, as ${user.name}`,
    (t) => {
      if (!existsSync('/proc/keys')) return skip(t, 'there are no keyrings');
      // the host as image: it has Python
      const keys = (words: readonly string[]) =>
        start(user, 'python3', [
          '-c',
          committed('test/launch/keyring.py'),
          launcher,
          ...words,
          '/',
          '--',
          '/usr/bin/python3',
          '-c',
          committed('test/launch/keyring.py'),
        ]);
      const usual = keys([]);
      if (/there are no keyrings|no key can be added/.test(usual.stderr)) return skip(t, usual.stderr.trim());
      // root finds no numbers: /proc/keys is hidden from a container of root's
      t.match(usual, { status: 0, stdout: /^session: secret\n/, stderr: '' });
      for (const memo of ['made', 'found'])
        t.match(
          keys(['--new-keyring']),
          { status: 0, stdout: 'session: none\nby number: none\n', stderr: '' },
          memo,
        );
      t.end();
    },
  );
}
