// Writes what is made from the tables of options and hints: `npm run docs`. A test fails when a committed file differs.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHints, renderTroubleshooting } from '../dist/doctor/troubleshooting.js';
import { renderManual, renderMarkdown } from '../dist/manual.js';

const root = join(import.meta.dirname, '..');
mkdirSync(join(root, 'man'), { recursive: true });
writeFileSync(join(root, 'docs/options.md'), renderMarkdown());
writeFileSync(join(root, 'man/ch-run-ts.1'), renderManual());
const hints = readHints(execFileSync(join(root, 'bin/ch-run-ts'), ['--hints']));
writeFileSync(join(root, 'docs/troubleshooting.md'), renderTroubleshooting(hints));
