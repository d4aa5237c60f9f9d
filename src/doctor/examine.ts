/** --doctor: what this machine allows, why not, and what to do about it. */

import { version } from '../base/version.js';
import { visible } from '../base/visible.js';
import type { Host } from '../host/host.js';
import { readFacts } from './facts.js';
import type { Finding, Report } from './finding.js';
import { runTrials } from './trials.js';

/** Tries and reads everything; `program` is the launcher. */
export function examine(program: string, host: Host): Report {
  return toReport([...runTrials(program), ...readFacts(program, host)]);
}

export function toReport(findings: readonly Finding[]): Report {
  const healthy = findings.every(({ needed, verdict }) => !needed || verdict !== 'no');
  return { healthy, version, findings };
}

const column = 44;
const indent = ' '.repeat(6);

function renderFinding(finding: Finding): string {
  const { title, verdict, detail, consequence, cause, user, administrator, file } = finding;
  const mark = verdict === 'note' ? '    ' : verdict.padEnd(4);
  const lines = [`${mark}  ${title.padEnd(column)}${visible(detail ?? '')}`.trimEnd()];
  const add = (heading: string, text: string | undefined) => {
    if (text) lines.push(`${indent}${heading}: ${visible(text)}`);
  };
  add('means', consequence);
  add('cause', cause);
  add('you can', user);
  add('the administrator can', administrator);
  if (file)
    lines.push(
      ...file
        .trimEnd()
        .split('\n')
        .map((line) => `${indent}    ${visible(line)}`.trimEnd()),
    );
  return lines.join('\n');
}

/** Avoids printing a remedy several times: later findings with the same cause refer to the first one. */
function withoutRepetition(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings.map((finding) => {
    const { cause, user: _, administrator: __, file: ___, ...rest } = finding;
    if (cause === undefined || !seen.has(cause)) {
      if (cause !== undefined) seen.add(cause);
      return finding;
    }
    return { ...rest, cause: 'the same' };
  });
}

/** What --doctor prints. */
export function renderReport({ healthy, findings }: Report): string {
  const verdict = healthy ? 'Containers can be run here.' : 'Containers can NOT be run here.';
  return `${withoutRepetition(findings).map(renderFinding).join('\n')}\n\n${verdict}\n`;
}
