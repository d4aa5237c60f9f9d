// The installed tree: the programs and their files. It contains no absolute path, so it can be unpacked anywhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../programs.mjs';
import { copy, filesBelow, output, root, sums, version, write } from './base.mjs';
import { renderBill, renderLicences } from './licences.mjs';

const own = join(root, 'bin');
const documents = 'share/doc/ch-run-ts';

/** Where each shell looks below a `share` that it knows. */
const completions = {
  bash: (name) => `share/bash-completion/completions/${name}`,
  zsh: (name) => `share/zsh/site-functions/_${name}`,
  fish: (name) => `share/fish/vendor_completions.d/${name}.fish`,
};

/** For Lmod, and Environment Modules 5. */
const modulefile = `help([[ch-run-ts runs commands in container images, without any privilege: ch-run-ts --help]])
whatis("Name: ch-run-ts")
whatis("Version: ${version}")
whatis("Description: containers for HPC machines, without any privilege")

local root = myFileName():match("^(.*)/[^/]*/[^/]*/[^/]*/[^/]*$")
prepend_path("PATH", pathJoin(root, "bin"))
prepend_path("MANPATH", pathJoin(root, "share/man"))
prepend_path("XDG_DATA_DIRS", pathJoin(root, "share"))
prepend_path("FPATH", pathJoin(root, "share/zsh/site-functions"))
`;

function copyProgram(from, to, { tools }) {
  copy(from, to, 0o755);
  output(`${tools}strip`, ['--strip-unneeded', to]);
}

function copyFolder(from, to) {
  for (const name of filesBelow(from)) {
    const isProgram = readFileSync(join(from, name), 'latin1').startsWith('#!');
    copy(join(from, name), join(to, name), isProgram ? 0o755 : 0o644);
  }
}

function addCompletions(prefix, name) {
  // the build machine runs its own program: the output is the same for all architectures
  for (const [shell, place] of Object.entries(completions))
    write(join(prefix, place(name)), output(join(own, name), [`--completion=${shell}`]));
}

function addDocuments(prefix) {
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'SECURITY.md'])
    copy(join(root, name), join(prefix, documents, name));
  copyFolder(join(root, 'docs'), join(prefix, documents, 'docs'));
  for (const name of ['examples', 'profiles'])
    copyFolder(join(root, name), join(prefix, 'share/ch-run-ts', name));
}

/** Sums of all files: sha256sum -c, in the tree. */
export function addSums(prefix) {
  const file = `${documents}/SHA256SUMS`;
  write(join(prefix, file), sums(prefix, file));
}

/** Makes the tree `name` at `prefix` of programs in `built`, which consist of `components`. */
export function makeTree(prefix, name, target, built, components) {
  for (const { name: program } of programs) {
    copyProgram(join(built, program), join(prefix, 'bin', program), target);
    addCompletions(prefix, program);
    const manual = join(root, 'man', `${program}.1`);
    if (existsSync(manual)) copy(manual, join(prefix, 'share/man/man1', `${program}.1`));
  }
  for (const program of readdirSync(built).filter((each) => /^ch-run-ts-squashfs$/.test(each)))
    copyProgram(join(built, program), join(prefix, 'libexec/ch-run-ts', program), target);
  write(join(prefix, `share/modulefiles/ch-run-ts/${version}.lua`), modulefile);
  addDocuments(prefix);
  write(join(prefix, documents, 'THIRD-PARTY'), renderLicences(components));
  write(join(prefix, documents, 'ch-run-ts.spdx.json'), renderBill(name, components));
  addSums(prefix);
}
