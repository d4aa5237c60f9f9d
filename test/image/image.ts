/** Starting ch-image-ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type Ending,
  environmentOf,
  isRoot,
  noSquashfs,
  type StartOptions,
  scratch,
  skip,
  stage,
  start,
  type User,
  users,
} from '../helpers/support.js';

export const program = join(stage, 'package/bin/ch-image-ts');
export const obstacle = noSquashfs ?? (existsSync(program) ? undefined : 'built without ch-image-ts');

/** A place with a storage directory of its own. */
export interface Place {
  readonly directory: string;
  readonly storage: string;
  /** Where everything but images is in it. */
  readonly state: string;
  image(words: readonly string[], options?: StartOptions): Ending;
  /** Starts it, and does not wait. */
  begin(words: readonly string[]): ChildProcess;
  /** The files of storage, but for directories that are empty. */
  stored(): readonly string[];
}

export function makePlace(t: Test, user: User): Place {
  const directory = scratch(t, user);
  const storage = join(directory, 'storage');
  mkdirSync(storage);
  if (isRoot) chownSync(storage, user.uid, user.gid);
  const state = join(storage, 'dlcache/ch-image-ts');
  const env = { CH_IMAGE_STORAGE: storage };
  return {
    directory,
    storage,
    state,
    image: (words, options) => start(user, program, words, { cwd: directory, env, ...options }),
    begin: (words) =>
      spawn(program, words, {
        cwd: directory,
        env: { ...environmentOf(user), ...env },
        stdio: 'ignore',
        ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
      }),
    stored: () =>
      [join(storage, 'img'), join(state, 'records'), join(state, 'tmp')].flatMap((part) =>
        existsSync(part) ? readdirSync(part).map((name) => `${basename(part)}/${name}`) : [],
      ),
  };
}

export function test(title: string, body: (t: Test, user: User) => unknown): void {
  for (const user of users) {
    t.test(`${title}, as ${user.name}`, async (t) => {
      if (obstacle) skip(t, obstacle);
      else await body(t, user);
    });
  }
}

/** What is wrong, on two lines at most. */
export function refuses(t: Test, ending: Ending, message: RegExp, hint?: RegExp, status = 31): void {
  t.equal(ending.status, status, ending.stderr);
  const [first = '', second = '', ...rest] = ending.stderr.trimEnd().split('\n');
  t.match(first, /^ch-image-ts\[\d+\]: error: /);
  t.match(first, message);
  if (hint) t.match(second, hint);
  t.same(rest, []);
  t.equal(ending.stdout, '');
}
