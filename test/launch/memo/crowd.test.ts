/** Many ranks of a node that start at once with nothing remembered. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from 'tap';
import {
  environmentOf,
  image,
  isRoot,
  launcher,
  ordinaryUser,
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
  const begin = Date.now();
  const crowd = Array.from({ length: 16 }, () =>
    launch({ CH_RUN_MEMO_DIR: '/proc/none' }, [image, '--', 'true']),
  );
  const endings = await Promise.all(crowd.map(({ ending }) => ending));
  t.same(
    endings.filter(({ status, stderr }) => status !== 0 || stderr !== ''),
    [],
  );
  t.ok(Date.now() - begin < 8000);
});

test('nobody waits long for one who hangs', async (t) => {
  const env = { CH_RUN_MEMO_DIR: join(scratch(t), 'memo') };
  // Node decides for this one, which takes long enough to be stopped meanwhile
  const first = launch(env, [image, '--', 'true'], sanitizedLauncher);
  t.teardown(() => first.ending);
  const decides = () => readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8') !== '';
  for (let wait = 0; wait < 2000 && !decides(); wait++) await setTimeout(1);
  t.ok(decides());
  process.kill(first.pid, 'SIGSTOP');
  const begin = Date.now();
  t.equal(run(ordinaryUser, [image, '--', 'true'], { env }).status, 0);
  const waited = Date.now() - begin;
  process.kill(first.pid, 'SIGCONT');
  t.ok(waited < 6000, `${waited} ms`);
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
    const begin = Date.now();
    t.equal(run(ordinaryUser, words, { env }).status, 0);
    // to wait would take two seconds
    t.ok(Date.now() - begin < 2000, `${action}: ${Date.now() - begin} ms`);
    holder.stdin.end();
    await once(holder, 'close');
  }
});
