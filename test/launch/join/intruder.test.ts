/** A hostile program in another container of the user can spoil a join group, but draw nobody in, nor crash or hang one. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createSteps, encode, enterSteps, planOf, writePlan } from '../../helpers/plans.js';
import {
  checkout,
  copyImage,
  type Ending,
  environmentOf,
  isRoot,
  launcher,
  ordinaryUser,
  plant,
} from '../../helpers/support.js';

const program = join(checkout, 'build/test/intruder');
mkdirSync(join(checkout, 'build/test'), { recursive: true });
const flags = ['-std=c++20', '-O1', '-static', '-Wall', '-Wextra', '-Werror', '-o', program];
execFileSync('g++', [...flags, join(checkout, 'test/launch/join/intruder.cc')], { stdio: 'inherit' });

const user = ordinaryUser;
const ids = isRoot ? { uid: user.uid, gid: user.gid } : {};
const nameOf = (tag: string) => `ch-run-ts.${user.uid}.${tag}`;

const doorsOf = (tag: string) =>
  readdirSync('/dev/shm')
    .filter((name) => name.startsWith(nameOf(tag)))
    .map((name) => `/dev/shm/${name}`);

type Running = ChildProcess & { readonly done: Promise<Ending> };

function begin(words: readonly string[]): Running {
  const child = spawn(launcher, words, { env: environmentOf(user), ...ids });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (part) => {
      text[stream] += part;
    });
  }
  const done = new Promise<Ending>((resolve) =>
    child.once('close', (status, signal) => resolve({ status, signal, pid: child.pid ?? 0, ...text })),
  );
  return Object.assign(child, { done });
}

/** How many times a group of so many peers tries to meet. */
const rounds: readonly (readonly [peers: number, times: number])[] = [
  [2, 20],
  [8, 6],
  [64, 2],
];

for (const mode of ['garbage', 'myself', 'other', 'link']) {
  t.test(`${mode}: nobody is drawn in, crashes or hangs`, { timeout: 300_000 }, async (t) => {
    const image = copyImage(t, user);
    plant(image, { intruder: readFileSync(program) });
    const planFor = (peers: number, seconds: number, tag: string) => {
      const steps = [
        ['create', 'join', String(peers), String(seconds), tag],
        ...createSteps(user, image),
        ...enterSteps,
      ];
      return writePlan(t, user, encode(planOf(user, steps)));
    };
    const [own, tag] = [`intruder-${process.pid}-${mode}`, `prey-${process.pid}-${mode}`];
    // one peer of two: its keeper outside lives on
    const doors = [own, tag].map((name) => `/dev/shm/${nameOf(name)}`);
    const words = mode === 'link' ? doors : doors.slice(1);
    const intruder = begin(['--plan', planFor(2, 250, own), '--', '/intruder', mode, ...words]);
    await new Promise((resolve) => intruder.stdout?.once('data', resolve));
    const lair = readlinkSync(`/proc/${intruder.pid}/ns/mnt`);

    const endings: Ending[] = [];
    for (const [peers, times] of rounds) {
      const plan = planFor(peers, 1, tag);
      for (let i = 0; i < times; i++) {
        const group = Array.from({ length: peers }, () =>
          begin(['--plan', plan, '--', 'readlink', '/proc/self/ns/mnt']),
        );
        endings.push(...(await Promise.all(group.map(({ done }) => done))));
        for (const name of doorsOf(tag)) rmSync(name, { force: true });
      }
    }
    const odd = endings.filter(({ status, signal }) => signal !== null || (status !== 0 && status !== 31));
    t.same(odd, [], 'each runs, or fails with a message');
    const spoilt = endings.filter(({ status }) => status === 31);
    t.ok(
      spoilt.every(({ stderr }) => / error: .*join/.test(stderr)),
      spoilt[0]?.stderr ?? 'none is spoilt',
    );
    const places = endings.filter(({ status }) => status === 0).map(({ stdout }) => stdout.trim());
    t.notOk(places.includes(lair), `of ${places.length} that run`);

    intruder.stdin?.end();
    await intruder.done;
    for (const name of [...doorsOf(own), ...doorsOf(tag)]) rmSync(name, { force: true });
  });
}
