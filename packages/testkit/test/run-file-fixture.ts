import { PROJECT_ROOT } from '../src/project.ts';
import { runFile } from '../src/runner/run-file.ts';

// Node refuses to run test files from within a test file: the runner's own tests do it in this process.
const results = await Promise.all(
  process.argv.slice(2).map((file) => runFile(PROJECT_ROOT, file, new AbortController().signal)),
);
console.log(JSON.stringify(results));
process.exit(0);
