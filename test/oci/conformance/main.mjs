// `npm run conformance:oci [SUITE[:GROUPS[:FILE]] ...]`: tests that others wrote, as they wrote them, with ch-oci-ts and beside
// it with crun and runc. As root; what it fetches and builds is in build/conformance, with the output of each test.
//
// A test that passes with /bin/false as the runtime tells nothing, and is not counted. The status is 1 if a peer
// passes one that ours doesn't, and differences.mjs does not say why; or if it says so of one that ours passes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { differences } from './differences.mjs';
import { install } from './fetch.mjs';
import { groups, runTest } from './room.mjs';
import { suites } from './suites.mjs';

const root = join(import.meta.dirname, '../../..');
const directory = join(root, 'build/conformance');
const ours = join(root, 'bin/ch-oci-ts');
const nobody = '/bin/false';

/** Outcomes of the tests in what a file of tests printed, by FILE: TITLE. */
function parseTap(file, text) {
  const outcomes = new Map();
  for (const [, not, title, directive] of text.matchAll(
    /^(not )?ok \d+(?: -)? ?(.*?)(?: *# ?(skip|todo).*)?$/gim,
  )) {
    if (directive?.toLowerCase() === 'todo') continue;
    const name = `${file}: ${title}`;
    // runtime-tools repeats titles: all of them must pass
    if (not || !outcomes.has(name)) outcomes.set(name, directive ? 'skipped' : not ? 'failed' : 'passed');
  }
  // some have no tests, and print only what is wrong
  if (outcomes.size === 0)
    outcomes.set(`${file}: as a whole`, /^ *---$|^status: [^0]/m.test(text) ? 'failed' : 'passed');
  return outcomes;
}

function runAll(suite, place, runtime, group, file) {
  const outcomes = new Map();
  const texts = [];
  for (const test of suites[suite].list(place, runtime)) {
    if (file && file !== withoutFeatures(test.file)) continue;
    const text = runTest(test, { group, made: suites[suite].groups, directory });
    texts.push(`## ${test.file}\n${text}`);
    for (const [name, outcome] of parseTap(test.file, text)) outcomes.set(name, outcome);
  }
  writeFileSync(join(directory, `${suite}-${group}-${runtime.replace(/.*\//, '')}.log`), texts.join('\n'));
  return outcomes;
}

/** Reasons are the same with and without them. */
const withoutFeatures = (name) => name.replace(/ \(rootless[^)]*\)/, '');

/** How many tests went wrong without a reason. */
function compare(suite, group, file) {
  const { packages, prepare, peers } = suites[suite];
  install(packages);
  const place = prepare(directory);
  const of = (runtime) => runAll(suite, place, runtime, group, file);
  const [mine, without, ...theirs] = [ours, nobody, ...peers].map(of);
  const names = [...new Set([...theirs, mine].flatMap((outcomes) => [...outcomes.keys()]))];
  const telling = names.filter((name) => without.get(name) !== 'passed');
  const passed = (outcomes) => telling.filter((name) => outcomes.get(name) === 'passed').length;
  const beside = peers.map((peer, index) => `${passed(theirs[index])} with ${peer}`).join(', ');
  console.log(`${suite}, control groups ${group}: ${passed(mine)} of ${telling.length} pass, ${beside}`);

  const reasons = Object.entries(differences[suite]).filter(([, { only }]) => !only || only === group);
  const isOf = (listed) => (name) => `${withoutFeatures(name)}: `.startsWith(`${listed}: `);
  const missed = telling.filter(
    (name) => mine.get(name) !== 'passed' && theirs.some((outcomes) => outcomes.get(name) === 'passed'),
  );
  const unexplained = missed.filter((name) => !reasons.some(([listed]) => isOf(listed)(name)));
  for (const name of unexplained) console.log(`  ${mine.get(name) ?? 'not run'}: ${name}`);
  const stale = reasons.filter(([listed, { sometimes }]) => {
    const told = telling.filter(isOf(listed));
    return !sometimes && told.length > 0 && told.every((name) => mine.get(name) === 'passed');
  });
  for (const [listed] of stale) console.log(`  passes, although differences.mjs says why not: ${listed}`);
  return unexplained.length + stale.length;
}

if (process.getuid() !== 0) throw new Error('the tests of crun and runc need root');
mkdirSync(directory, { recursive: true });
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites);
let wrong = 0;
for (const word of wanted) {
  const [suite, only, file] = word.split(':');
  if (!suites[suite] || (only && !groups[only])) throw new Error(`no such suite: ${word}`);
  for (const group of only ? [only] : Object.keys(groups)) wrong += compare(suite, group, file);
}
process.exit(wrong > 0 ? 1 : 0);
