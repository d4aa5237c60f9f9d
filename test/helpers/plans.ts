/** Plans written by hand, for the launcher alone: no CLI has made them. */
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { image, isRoot, ordinaryUser, scratch, type User } from './support.js';

/** A record as words: its name, then its fields. */
export type Words = readonly string[];

/** name NUL count NUL field NUL …, for each record; a plain end record gets the number of words before it. */
export function encode(records: readonly Words[]): Buffer {
  const word = (text: string | number) => `${text}\0`;
  const ended = records.map((record, at) => {
    if (record.length !== 1 || record[0] !== 'end') return record;
    return ['end', String(records.slice(0, at).reduce((sum, before) => sum + before.length + 1, 0))];
  });
  return Buffer.from(
    ended.map(([name = '', ...fields]) => [name, fields.length, ...fields].map(word).join('')).join(''),
    'latin1',
  );
}

/** The steps that make a container of `path`, for `user`. */
export function createSteps(user: User, path: string = image): Words[] {
  return [
    ['create', 'user-namespace', `0:${user.uid}`, `0:${user.gid}`],
    ['create', 'user-namespace', `${user.uid}:0`, `${user.gid}:0`],
    ['create', 'root', path, 'read-only'],
    ...['/dev', '/proc', '/sys'].map((place) => ['create', 'bind', place, place]),
    ['create', 'pivot'],
  ];
}

/** The steps of each process in it. */
export const enterSteps: readonly Words[] = [
  ['enter', 'directory', '/'],
  ['enter', 'no-new-privileges'],
  ['enter', 'terminal'],
  ['enter', 'command'],
];

/** A whole plan around `steps`. */
export function planOf(user: User, steps: readonly Words[]): Words[] {
  return [
    ['ch-run-ts-plan', '10'],
    ['messages', '3', 'auto', 'text'],
    ['fact', 'user', String(user.uid), String(user.gid)],
    ...steps,
    ['end'],
  ];
}

/** A small plan that runs the command in the image with everyday programs. */
export function smallPlan(user: User): Words[] {
  return planOf(user, [...createSteps(user), ...enterSteps]);
}

/** Writes a plan that `user` may run into a file of the user's, and returns its path. */
export function writePlan(
  t: Test,
  user: User = ordinaryUser,
  content: Buffer = encode(smallPlan(user)),
): string {
  const path = join(scratch(t, user), 'plan');
  writeFileSync(path, content, { mode: 0o600 });
  if (isRoot) chownSync(path, user.uid, user.gid);
  return path;
}
