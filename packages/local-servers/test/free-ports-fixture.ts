import { freePort } from '../src/index.ts';

// Another process that wants as many ports as it is told.
const ports = await Promise.all(Array.from({ length: Number(process.argv[2]) }, () => freePort()));
process.stdout.write(JSON.stringify(ports));
