/** SIGKILL at every point of the join protocol: the others finish, or say who died; nothing is left. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createSteps, encode, enterSteps, planOf, writePlan } from '../../helpers/plans.js';
import { checkout, environmentOf, image, isRoot, ordinaryUser, stage } from '../../helpers/support.js';

const timeout = 2; // seconds that peers wait for each other
const program = join(stage, 'ch-run-ts-checkpoints');
execFileSync(join(checkout, 'test/launch/join/build-checkpoints'), { stdio: 'inherit' });
copyFileSync(join(checkout, 'build/test/ch-run-ts-checkpoints'), program);

/** All points, as the source names them: a new one is tested without being listed here. */
const points = readdirSync(join(checkout, 'addon/launcher/join'))
  .filter((name) => /^join.*\.cc$/.test(name))
  .flatMap((name) =>
    readFileSync(join(checkout, 'addon/launcher/join', name), 'utf8')
      .split('join_checkpoint("')
      .slice(1),
  )
  .map((text) => text.slice(0, text.indexOf('"')));

class Peer {
  stderr = '';
  stdout = '';
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly process: ChildProcess;

  constructor(plan: string, command: string, env: NodeJS.ProcessEnv = {}) {
    this.process = spawn(program, ['--plan', plan, '--', 'sh', '-c', command], {
      env: { ...environmentOf(ordinaryUser), ...env },
      ...(isRoot ? { uid: ordinaryUser.uid, gid: ordinaryUser.gid } : {}),
    });
    this.process.stdout?.on('data', (part) => {
      this.stdout += part;
    });
    this.process.stderr?.on('data', (part) => {
      this.stderr += part;
    });
    this.ended = new Promise((resolve) =>
      this.process.once('close', (status, signal) => resolve(signal ?? status)),
    );
  }

  state(): string {
    try {
      return readFileSync(`/proc/${this.process.pid}/stat`, 'latin1').split(') ')[1]?.[0] ?? 'X';
    } catch {
      return 'X';
    }
  }

  /** Waits until it is stopped, has ended, or its command runs. */
  async settles(): Promise<void> {
    for (let i = 0; i < 200 && !/[TXZ]/.test(this.state()) && this.stdout === ''; i++) await sleep(10);
  }
}

async function finishes(t: Test, peer: Peer): Promise<void> {
  // on a busy machine everything takes longer; what hangs, hangs forever
  const limit = sleep(1000 * timeout + 30_000, 'still there' as const, { ref: false });
  const ending = await Promise.race([peer.ended, limit]);
  if (ending === 'still there') peer.process.kill('SIGKILL');
  if (ending === 0) {
    t.match(peer.stderr, /^(.*warning: --join: only \d of 3 peers joined.*\n)?$/, 'runs');
  } else {
    t.equal(ending, 31, 'fails by itself');
    t.match(peer.stderr, /error: --join: .*process \d+.* (died|failed|ended|is still)/, 'and says who died');
  }
}

const namesOf = (tag: string) => readdirSync('/dev/shm').filter((name) => name.endsWith(`.${tag}`));

async function nothingIsLeft(t: Test, tag: string): Promise<void> {
  for (let i = 0; i < 300 && namesOf(tag).length > 0; i++) await sleep(100);
  t.same(namesOf(tag), [], 'nothing is left in /dev/shm');
}

type Scenario = (plan: string, point: string) => Promise<Peer[]>;
const working = 'echo runs; sleep 0.2';

const scenarios: Readonly<Record<string, Scenario>> = {
  'the first peer dies there, alone': async (plan, point) => {
    const victim = new Peer(plan, working, { CH_RUN_JOIN_KILL: point });
    await victim.ended;
    return [new Peer(plan, working), new Peer(plan, working)];
  },
  'the first peer dies there while others wait': async (plan, point) => {
    const victim = new Peer(plan, working, { CH_RUN_JOIN_STOP: point });
    await victim.settles();
    const others = [new Peer(plan, working), new Peer(plan, working)];
    await sleep(150);
    victim.process.kill('SIGKILL');
    return others;
  },
  'a later peer dies there': async (plan, point) => {
    const first = new Peer(plan, working);
    await first.settles();
    const victim = new Peer(plan, working, { CH_RUN_JOIN_STOP: point });
    await victim.settles();
    const last = new Peer(plan, working);
    await sleep(150);
    victim.process.kill('SIGKILL');
    return [first, last];
  },
  'one of three that start at once dies there': async (plan, point) => {
    const victim = new Peer(plan, working, { CH_RUN_JOIN_KILL: point });
    const others = [new Peer(plan, working), new Peer(plan, working)];
    await victim.ended;
    return others;
  },
};

t.jobs = 16;
for (const [index, [title, scenario]] of Object.entries(scenarios).entries()) {
  for (const point of new Set(points)) {
    t.test(`${point}: ${title}`, { buffered: true }, async (t) => {
      const tag = `${point}-${index}-${process.pid}`;
      const join = ['create', 'join', '3', String(timeout), tag];
      const steps = [join, ...createSteps(ordinaryUser, image), ...enterSteps];
      const plan = writePlan(t, ordinaryUser, encode(planOf(ordinaryUser, steps)));
      const others = await scenario(plan, point);
      await Promise.all(others.map((peer) => finishes(t, peer)));
      await nothingIsLeft(t, tag);
    });
  }
}

t.test('the released program has no such points', (t) => {
  const released = readFileSync(join(stage, 'package/bin/ch-run-ts'), 'latin1');
  t.notMatch(released, /CH_RUN_JOIN/);
  t.ok(points.length > 15, `${points.length} points were walked`);
  t.end();
});
