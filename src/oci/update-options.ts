/** The options of `update`. */
import type { Option } from '../cli/program.js';
import { valued } from './options.js';

const size = { words: 'a number of bytes, as 64M, or -1', pattern: /^(-1|\d+[kmgt]?b?)$/i };
const whole = { words: 'a whole number', pattern: /^-?\d+$/ };

function limitOption(name: string, metavar: string, form: NonNullable<Option['form']>, summary: string) {
  return { ...valued, name, metavar, form, group: 'limits', summary } as const;
}

const processors = { words: 'numbers and ranges, as 0-3,7', pattern: /^[\d,-]+$/ };

export const updateOptions: readonly Option[] = [
  {
    ...valued,
    name: 'resources',
    short: 'r',
    metavar: 'FILE',
    completes: 'path',
    conflicts: [
      'memory',
      'memory-swap',
      'memory-reservation',
      'cpu-share',
      'cpu-period',
      'cpu-quota',
      'pids-limit',
    ],
    group: 'limits',
    summary:
      'take all limits from this JSON file, or from standard input (-), in the form of `linux.resources` in config.json',
  },
  limitOption('memory', 'BYTES', size, 'the memory limit; -1 is no limit'),
  limitOption('memory-swap', 'BYTES', size, 'the limit of memory and swap together'),
  limitOption('kernel-memory-tcp', 'BYTES', size, 'the limit of memory for TCP buffers; version 1 only'),
  limitOption('memory-reservation', 'BYTES', size, 'the soft memory limit, for times when memory is short'),
  limitOption('cpu-share', 'SHARES', whole, 'the share of CPU time, relative to other groups'),
  limitOption('cpu-period', 'MICROSECONDS', whole, 'the period that --cpu-quota applies to'),
  limitOption('cpu-quota', 'MICROSECONDS', whole, 'the CPU time available in a period'),
  limitOption('cpu-burst', 'MICROSECONDS', whole, 'how much unused quota may be used in later periods'),
  limitOption('cpu-rt-period', 'MICROSECONDS', whole, 'the same period for real-time scheduling'),
  limitOption('cpu-rt-runtime', 'MICROSECONDS', whole, 'the CPU time for real-time scheduling in a period'),
  limitOption('cpu-idle', '0|1', whole, '1: use only CPU time that is otherwise idle'),
  limitOption('cpuset-cpus', 'LIST', processors, 'run on these CPUs'),
  limitOption('cpuset-mems', 'LIST', processors, 'use memory of these nodes'),
  limitOption('pids-limit', 'N', whole, 'the limit of processes and threads; -1 is no limit'),
  limitOption('blkio-weight', 'WEIGHT', whole, 'the share of block I/O, 10 to 1000'),
];
