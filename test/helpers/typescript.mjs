// Loads the TypeScript of tests (.taprc): each file is compiled once until it changes. What tap would load instead, for
// each test file again, is the whole compiler.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
