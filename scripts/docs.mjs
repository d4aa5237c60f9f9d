// Writes what is made from the option table: `npm run docs`. A test fails when a committed file differs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderManual, renderMarkdown } from '../dist/manual.js';

const root = join(import.meta.dirname, '..');
mkdirSync(join(root, 'man'), { recursive: true });
writeFileSync(join(root, 'docs/options.md'), renderMarkdown());
writeFileSync(join(root, 'man/ch-run-ts.1'), renderManual());
