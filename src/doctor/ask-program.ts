/** Checks that another program makes. */
import { native, type SystemError } from '../host/native.js';
import type { Finding } from './finding.js';

export interface Question {
  readonly name: string;
  readonly title: string;
  /** What does not work where the answer is no. */
  readonly consequence: string;
  readonly program: string;
  readonly words: readonly string[];
  /** In milliseconds. */
  readonly time: number;
  /** Why not, by what it printed and ended with. */
  refusalIn(ending: { readonly status: number; readonly output: string; readonly errors: string }): string;
  /** What there is to say where it succeeds. */
  detailIn(output: string): string;
}

/** Success is an exit status of 0. */
export function askProgram(question: Question): Finding {
  const { name, title, consequence, program, words, time } = question;
  const about = { name, title, needed: false } as const;
  const refused = (detail: string): Finding => ({ ...about, verdict: 'no', detail, consequence });
  try {
    const { status, output, errors } = native.run(program, words, time);
    if (status === 0) return { ...about, verdict: 'yes', detail: question.detailIn(output) };
    return refused(question.refusalIn({ status, output, errors }));
  } catch (error) {
    const { syscall, reason } = error as Partial<SystemError>;
    if (syscall === undefined) throw error;
    return refused(`${program}: ${syscall}: ${reason}`);
  }
}
