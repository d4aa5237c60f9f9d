/** Which devices a control group may use: files of version 1, or a BPF program for version 2. Pure functions. */
import type { DeviceRule } from '../config/resources.js';

/** What the specification wants in every container, its terminals, and the making of device files. */
const always: readonly DeviceRule[] = [
  { type: 'c', access: 'm' },
  { type: 'b', access: 'm' },
  ...[
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
    [5, 2],
  ].map(([major = 0, minor = 0]) => ({ type: 'c', major, minor, access: 'rwm' })),
  { type: 'c', major: 136, access: 'rwm' },
].map((rule) => ({ ...rule, allow: true }));

/** A later rule counts more. */
export const allRules = (rules: readonly DeviceRule[]): readonly DeviceRule[] => [...rules, ...always];

const isAny = (number: number | undefined): boolean => number === undefined || number < 0;

/** Values of devices.allow and devices.deny. */
export function deviceLines(rules: readonly DeviceRule[]): readonly (readonly [string, string])[] {
  return rules.map(({ allow, type = 'a', major, minor, access }) => {
    const file = allow ? 'devices.allow' : 'devices.deny';
    if (type === '' || type === 'a') return [file, 'a'];
    const digits = (number: number | undefined) => (isAny(number) ? '*' : String(number));
    return [file, `${type} ${digits(major)}:${digits(minor)} ${access || 'rwm'}`];
  });
}

// linux/bpf.h: the context has the kind of access in its upper half and the type in its lower one, major, minor
const registers = { result: 0, context: 1, type: 2, access: 3, major: 4, minor: 5, scratch: 6 } as const;
type Register = keyof typeof registers;
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const typeNumbers: Readonly<Record<string, number>> = { b: 1, c: 2 };

/** One instruction of 8 bytes, in hexadecimal, in the byte order of all machines we run on. */
function instruction(code: number, to: Register, from: Register, offset: number, value: number): string {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint8(0, code);
  bytes.setUint8(1, registers[to] | (registers[from] << 4));
  bytes.setInt16(2, offset, true);
  bytes.setInt32(4, value, true);
  return [...new Uint8Array(bytes.buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const load = (to: Register, offset: number) => instruction(0x61, to, 'context', offset, 0);
const copy = (to: Register, from: Register) => instruction(0xbf, to, from, 0, 0);
const and = (to: Register, value: number) => instruction(0x57, to, 'result', 0, value);
const shift = (to: Register, bits: number) => instruction(0x77, to, 'result', 0, bits);
const answer = (value: number) => [
  instruction(0xb7, 'result', 'result', 0, value),
  instruction(0x95, 'result', 'result', 0, 0),
];
/** Leaves the rule unless they are equal, or unless they differ. */
const unlessEqual = (one: Register, value: number, offset: number) =>
  instruction(0x55, one, 'result', offset, value);
const ifEqual = (one: Register, value: number, offset: number) =>
  instruction(0x15, one, 'result', offset, value);

/** The tests of a rule, each with a function of how many instructions there are from it to the next rule. */
function testsOf({ allow, type = 'a', major, minor, access }: DeviceRule): readonly string[] {
  const every = type === '' || type === 'a';
  const bits = every || !access ? 7 : [...access].reduce((set, letter) => set | (accessBits[letter] ?? 0), 0);
  const tests: ((left: number) => readonly string[])[] = [];
  if (!every) tests.push((left) => [unlessEqual('type', typeNumbers[type] ?? 0, left)]);
  // what is allowed must be all that is wanted; what is denied, any of it
  if (bits !== 7)
    tests.push((left) => [
      copy('scratch', 'access'),
      and('scratch', allow ? 7 & ~bits : bits),
      allow ? unlessEqual('scratch', 0, left) : ifEqual('scratch', 0, left),
    ]);
  if (!every && !isAny(major)) tests.push((left) => [unlessEqual('major', major ?? 0, left)]);
  if (!every && !isAny(minor)) tests.push((left) => [unlessEqual('minor', minor ?? 0, left)]);
  const end = answer(allow ? 1 : 0);
  const program = [...end];
  for (const test of tests.reverse()) program.unshift(...test(program.length));
  return program;
}

/** A BPF program in hexadecimal. The last rule that fits decides; without any, the device may be used. */
export function deviceProgram(rules: readonly DeviceRule[]): string {
  const last = rules.findLastIndex(({ type = 'a' }) => type === '' || type === 'a');
  return [
    load('type', 0),
    copy('access', 'type'),
    shift('access', 16),
    and('type', 0xffff),
    load('major', 4),
    load('minor', 8),
    // the kernel refuses what can't be reached
    ...rules.slice(Math.max(last, 0)).reverse().flatMap(testsOf),
    ...(last < 0 ? answer(1) : []),
  ].join('');
}
