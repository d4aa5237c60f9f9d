// Writes what is made from the tables of options and hints, and from profiles/: `npm run docs`. A test fails when a
// committed file differs.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderManual, renderMarkdown } from '../dist/cli/manual.js';
import { parseConfigFile } from '../dist/config/file.js';
import { readHints, renderTroubleshooting } from '../dist/doctor/troubleshooting.js';
import { program as imageProgram } from '../dist/image/program.js';
import { renderFields } from '../dist/oci/config/render.js';
import { program as ociProgram } from '../dist/oci/program.js';
import { subject } from '../dist/run/decide.js';
import { program } from '../dist/run/program.js';

const root = join(import.meta.dirname, '..');
mkdirSync(join(root, 'man'), { recursive: true });
writeFileSync(join(root, 'docs/options.md'), renderMarkdown(program));
writeFileSync(join(root, 'man/ch-run-ts.1'), renderManual(program));
writeFileSync(join(root, 'docs/image-options.md'), renderMarkdown(imageProgram));
writeFileSync(join(root, 'man/ch-image-ts.1'), renderManual(imageProgram));
writeFileSync(join(root, 'man/ch-oci-ts.1'), renderManual(ociProgram));
const marker = '<!-- made from src/oci/config/fields.ts by npm run docs -->\n';
const oci = join(root, 'docs/oci.md');
writeFileSync(oci, `${readFileSync(oci, 'utf8').split(marker)[0]}${marker}${renderFields()}`);
const hints = readHints(execFileSync(join(root, 'bin/ch-run-ts'), ['--hints'], { encoding: 'utf8' }));
writeFileSync(join(root, 'docs/troubleshooting.md'), renderTroubleshooting(hints));

const shipped = readdirSync(join(root, 'profiles')).flatMap((name) => {
  const text = readFileSync(join(root, 'profiles', name), 'utf8');
  return parseConfigFile(subject, text, `profiles/${name}`, 'shipped').profiles;
});
const target = join(root, 'src/run/shipped-profiles.ts');
writeFileSync(
  target,
  `/** The profiles of profiles/, made from them by \`npm run docs\`: no launch has to read and parse them. */
import type { Profile } from '../config/profiles.js';

export const shippedProfiles: readonly Profile[] = ${JSON.stringify(shipped)};
`,
);
spawnSync('biome', ['format', '--write', target], { cwd: root, stdio: 'inherit' });
