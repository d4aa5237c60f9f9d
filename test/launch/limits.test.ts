/** A first run, which decides, goes by the limits and the environment that are meant for the command. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { image, launcher, probeIn, scratch, start, users, variables } from '../helpers/support.js';

const words = `'${launcher}' --no-memo --no-passwd '${image}' -- echo here`;

for (const user of users) {
  const as = user.uid === 0 ? ', as root' : ', as an ordinary user';

  for (const limit of ['-u 1', '-v 16384', '-n 12', '-s 256', '-f 0', '-l 0', '-i 0']) {
    t.test(`a first run needs no more than ulimit ${limit}${as}`, async (t) => {
      const { status, stdout, stderr } = start(user, 'bash', ['-c', `ulimit ${limit} && exec ${words}`]);
      t.same({ status, stdout, stderr }, { status: 0, stdout: 'here\n', stderr: '' });
    });
  }

  t.test(`variables that steer interpreters and libraries steer only the command${as}`, async (t) => {
    const place = scratch(t, user);
    writeFileSync(join(place, 'libc.so.6'), 'no library');
    writeFileSync(join(place, 'openssl.cnf'), 'openssl_conf = nonsense\n');
    const env = {
      LD_LIBRARY_PATH: place,
      LD_PRELOAD: join(place, 'libc.so.6'),
      OPENSSL_CONF: join(place, 'openssl.cnf'),
      NODE_OPTIONS: '--no-such-option',
      NODE_EXTRA_CA_CERTS: join(place, 'none'),
    };
    t.match(variables(probeIn(t, user, ['--no-memo', image], { env })), env);
  });
}
