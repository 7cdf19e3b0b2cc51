// Runs the stories: `node run.mjs` for all, `node run.mjs pay account` for some.
//
// Each file is a process with a server of its own, so files run side by side without meeting.
// Ends with one plain line, "N passed, M failed".

import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const FILE_LIMIT_MS = 15 * 60 * 1000;

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(here)
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => wanted.length === 0 || wanted.includes(name.replace('.test.mjs', '')))
  .sort()
  .map((name) => join(here, name));

if (files.length === 0) {
  console.error(`no story is called ${wanted.join(' or ')}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
const failures = [];
const isFile = (event) => files.includes(event.name);

const stream = run({
  files,
  concurrency: Math.max(1, Math.min(2, availableParallelism())),
  timeout: FILE_LIMIT_MS,
});
stream.on('test:pass', (event) => {
  if (event.details?.type !== 'suite' && !isFile(event) && event.skip === undefined) passed += 1;
});
stream.on('test:fail', (event) => {
  const ofChildren = event.details?.error?.failureType === 'subtestsFailed';
  if (event.details?.type === 'suite' && ofChildren) return;
  if (isFile(event) && ofChildren) return;
  failed += 1;
  failures.push(event.name);
});
stream.compose(spec).pipe(process.stdout);
stream.on('end', () => {
  // After the reporter has written its last line.
  setImmediate(() => {
    for (const name of failures) console.log(`failed: ${name}`);
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  });
});
