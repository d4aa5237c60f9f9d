/** Findings about this installation: what it is, whether all of it is there, and what depends on its place. */
import { type Host, kindIfAny } from '../host/host.js';
import { native, packageRoot } from '../host/native.js';
import { fileSystemOf, mountOf, ownMounts } from './file-systems.js';
import { type Finding, note } from './finding.js';

const kinds = { checkout: 'checkout', npm: 'npm package', tree: 'tree' } as const;

function kindOf(host: Host): keyof typeof kinds {
  if (kindIfAny(`${packageRoot}/binding.gyp`, host) === 'file') return 'checkout';
  return packageRoot.includes('/node_modules/') ? 'npm' : 'tree';
}

/** In a tree and in an npm package, made by scripts/package/tree.mjs: SUM, two blanks, PATH on each line. */
const listOfFiles = 'share/doc/ch-run-ts/SHA256SUMS';

function expectedFiles(kind: keyof typeof kinds): readonly string[] {
  if (kind === 'checkout') return ['bin/ch-run-ts', 'build/Release/ch-run-ts-squashfs'];
  const { text } = native.content(`${packageRoot}/${listOfFiles}`);
  return text.split('\n').flatMap((line) => /^[0-9a-f]{64} {2}(.+)$/.exec(line)?.[1] ?? []);
}

/** Whether all files are there; contents are not compared. */
function examineFiles(kind: keyof typeof kinds, host: Host): Finding {
  const title = 'all of its files';
  try {
    const missing = expectedFiles(kind).filter(
      (name) => kindIfAny(`${packageRoot}/${name}`, host) !== 'file',
    );
    if (missing.length === 0) return { name: 'complete', title, verdict: 'yes', needed: false };
    return {
      name: 'complete',
      title,
      verdict: 'no',
      needed: false,
      detail: `missing: ${missing.join(', ')}`,
      user: kind === 'checkout' ? 'build it again: npm run build' : 'install it again',
    };
  } catch {
    return note('complete', title, `not known: there is no ${packageRoot}/${listOfFiles}`);
  }
}

const profile = '/etc/apparmor.d/ch-run-ts';

/** A tree has no place written in it; but the administrator's profile for AppArmor names one. */
function examineProfile(host: Host): readonly Finding[] {
  if (kindIfAny(profile, host) !== 'file') return [];
  const title = 'AppArmor profile';
  try {
    const names = native.content(profile).text.includes(`"${packageRoot}/`);
    if (names) return [note('moved', title, `${profile} names these programs`)];
    return [
      note('moved', title, `${profile} names programs elsewhere`, {
        cause: `this installation, ${packageRoot}, was moved, or is another one`,
        consequence: 'where AppArmor restricts user namespaces, no containers',
      }),
    ];
  } catch {
    return [note('moved', title, `${profile} can't be read`)];
  }
}

/** Plans are remembered for a build at its path. */
function examinePlans(memory: string, program: string): Finding {
  const title = 'plans usable on other nodes';
  const { name, remote } = fileSystemOf(memory);
  return note(
    'shared-plans',
    title,
    remote
      ? `yes, if this build is ${program} there, too`
      : `no: ${memory} is on this machine (${name}); CH_RUN_MEMO_DIR names another place`,
  );
}

/** `memory` is where plans are remembered, empty for nowhere. */
export function examineInstallation(program: string, memory: string, host: Host): readonly Finding[] {
  const kind = kindOf(host);
  const isReadOnly = mountOf(packageRoot, ownMounts())?.options.includes('ro');
  const place = `${kinds[kind]} at ${packageRoot || '/'}`;
  return [
    note('installation', 'installation', isReadOnly ? `${place}, read-only` : place),
    examineFiles(kind, host),
    ...examineProfile(host),
    ...(memory ? [examinePlans(memory, program)] : []),
  ];
}
