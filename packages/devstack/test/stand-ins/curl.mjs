#!/usr/bin/env node
// What the README's tour asks of curl, for machines that have none: -H, -d, -A, -X, -sS and --fail-with-body.
import { argv, exit, stderr, stdout } from 'node:process';

const headers = {};
let [method, body, url] = ['GET', undefined, undefined];
const takesValue = {
  '-H': (line) => (headers[line.slice(0, line.indexOf(':'))] = line.slice(line.indexOf(':') + 1).trim()),
  '-A': (agent) => (headers['user-agent'] = agent),
  '-d': (text) => ([method, body] = [method === 'GET' ? 'POST' : method, text]),
  '-X': (given) => (method = given),
};
const args = argv.slice(2);
while (args.length > 0) {
  const arg = args.shift();
  if (arg in takesValue) takesValue[arg](args.shift());
  else if (!arg.startsWith('-')) url = arg;
}
const answer = await fetch(url, { method, headers, body });
stdout.write(await answer.text());
if (!answer.ok) {
  stderr.write(`curl: (22) The requested URL returned error: ${answer.status}\n`);
  exit(22);
}
