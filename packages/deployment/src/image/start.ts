// The first thing that runs in an image: secrets come as files (`NAME_FILE` says where `NAME` is), then the service.
import { readFileSync } from 'node:fs';

/** What may come as a file. Others' variables end in `_FILE` as well, so these are named. */
const SECRETS = [
  'DATABASE_URL',
  'TRIBUTARY_READ_DATABASE_URL',
  'REDIS_URL',
  'NATS_URL',
  'IDENTITY_SECRET',
  'JWT_SECRETS',
  'METRICS_TOKEN',
  'HASH_PEPPER',
  'WEBHOOK_ENCRYPTION_KEYS',
];

for (const name of SECRETS) {
  const path = process.env[`${name}_FILE`];
  if (path !== undefined && path !== '') process.env[name] = readFileSync(path, 'utf8').trim();
}

// A name that only exists once everything is bundled.
const main = './main.mjs';
await import(main);
