/** Many ranks of a node that start at once with nothing remembered. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import {
  environmentOf,
  eventually,
  image,
  isQuick,
  isRoot,
  launcher,
  ordinaryUser,
  plant,
  run,
  sanitizedLauncher,
  scratch,
  stage,
  start,
} from '../../helpers/support.js';

const ids = isRoot ? { uid: ordinaryUser.uid, gid: ordinaryUser.gid } : {};

function launch(env: NodeJS.ProcessEnv, words: readonly string[], program = launcher) {
  const child = spawn(program, words, {
    cwd: stage,
    env: { ...environmentOf(ordinaryUser), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...ids,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ending = once(child, 'close').then(([status]) => ({ status: status as number | null, stderr }));
  return { pid: child.pid ?? 0, ending };
}

test('one of 64 starts Node, the others wait for its plan', async (t) => {
  const env = { CH_RUN_MEMO_DIR: join(scratch(t), 'memo') };
  const crowd = Array.from({ length: 64 }, (_, rank) =>
    launch(env, ['-v', image, '--', 'echo', String(rank)]),
  );
  const endings = await Promise.all(crowd.map(({ ending }) => ending));
  t.ok(
    endings.every(({ status }) => status === 0),
    'all succeed',
  );
  t.equal(endings.filter(({ stderr }) => stderr.includes('remembered the plan as')).length, 1);
  t.equal(endings.filter(({ stderr }) => stderr.includes('  remembered plan: ')).length, 63);
});

test('a crowd that can remember nothing waits once, not one after the other', async (t) => {
  let quickest = Infinity;
  // one after the other, they would wait for half a minute; once is two seconds
  for (let attempts = 0; attempts < 5 && quickest >= 8000; attempts++) {
    const begin = Date.now();
    const crowd = Array.from({ length: 16 }, () =>
      launch({ CH_RUN_MEMO_DIR: '/proc/none' }, [image, '--', 'true']),
    );
    const endings = await Promise.all(crowd.map(({ ending }) => ending));
    t.same(
      endings.filter(({ status, stderr }) => status !== 0 || stderr !== ''),
      [],
    );
    quickest = Math.min(quickest, Date.now() - begin);
  }
  t.ok(quickest < 8000, `${quickest} ms`);
});

test('nobody waits long for one who hangs', async (t) => {
  const place = scratch(t);
  const env = { CH_RUN_MEMO_DIR: join(place, 'memo') };
  // Node decides for this one, and waits until it may
  plant(place, {
    node: '#!/bin/sh\n: >"$0.begun"\nuntil [ -e "$0.go" ]; do sleep 0.05; done\nexec "$NODE" "$@"\n',
  });
  const path = { PATH: `${place}:/usr/bin:/bin`, NODE: process.execPath };
  const first = launch({ ...env, ...path }, [image, '--', 'true'], sanitizedLauncher);
  t.ok(await eventually(() => existsSync(join(place, 'node.begun'))));
  // no longer than it waits for somebody who has a turn; without an end it would be forever
  const { status } = run(ordinaryUser, [image, '--', 'true'], { env: { ...env, ...path }, timeout: 60_000 });
  t.equal(status, 0);
  t.ok(!existsSync(join(place, 'node.go')), 'while the first hangs');
  writeFileSync(join(place, 'node.go'), '');
  t.equal((await first.ending).status, 0, 'and the one who hung goes on');
});

const holdName = `import socket, sys
holder = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
holder.bind(chr(0) + sys.argv[1])
if sys.argv[2] == 'listen': holder.listen()
print('held', flush=True)
sys.stdin.read()`;

/** The name under which the first of a crowd with this command line keeps its turn. */
function findTurn(env: NodeJS.ProcessEnv, words: readonly string[]): string {
  const traced = ['-qq', '-e', 'trace=bind', '-s', '100', launcher, ...words];
  const { stderr } = start(ordinaryUser, 'strace', traced, { env });
  return /@"(ch-run-ts\/turn\/[^"]+)"/.exec(stderr)?.[1] ?? '';
}

test('a turn that another user has taken is waited for by nobody', async (t) => {
  if (!isRoot) return t.end();
  const env = { CH_RUN_MEMO_DIR: '/proc/none' };
  const words = [image, '--', 'true'];
  const name = findTurn(env, words);
  t.match(name, /^ch-run-ts/);
  for (const action of ['listen', 'bind only']) {
    const holder = spawn('/usr/bin/python3', ['-c', holdName, name, action], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    // to wait would take two seconds
    isQuick(t, 2000, () => t.equal(run(ordinaryUser, words, { env }).status, 0), action);
    holder.stdin.end();
    await once(holder, 'close');
  }
});
