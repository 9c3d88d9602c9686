import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { freePort } from '@tributary/local-servers';
import { type TestScope, waitFor } from '@tributary/testkit';

/** What splits requests between gateways by an included file, as nginx does. */
export interface Balancer {
  readonly file: string;
  /** The command that makes it read the file again. */
  readonly reload: string;
  /** Where the next request goes. */
  url(): string;
}

function findNginx(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders
    .map((folder) => join(folder, 'nginx'))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const configuration = (folder: string, port: number): string => `
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream gateway {
    zone gateway 64k;
    include ${folder}/upstreams/gateway.conf;
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      proxy_set_header connection "";
    }
  }
}
`;

async function startNginx(t: TestScope, folder: string, program: string): Promise<Omit<Balancer, 'file'>> {
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(config, configuration(folder, port));
  const command = ['-p', folder, '-e', join(folder, 'error.log'), '-c', config];
  const nginx = spawn(program, [...command, '-g', 'daemon off;'], { stdio: 'ignore' });
  const gone = new Promise((resolve) => nginx.once('exit', resolve));
  t.teardown(async () => {
    nginx.kill();
    await gone;
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor(async () => (await fetch(url).catch(() => undefined)) !== undefined);
  return { reload: [program, ...command, '-s reload'].join(' '), url: () => url };
}

/** Does with each request what nginx would: for a machine that has none. */
function standInFor(file: string): Omit<Balancer, 'file'> {
  const read = `${file}.read`;
  // Moved into its place: a request must not find half a file.
  const reload = `cp '${file}' '${read}.next' && mv '${read}.next' '${read}'`;
  writeFileSync(read, readFileSync(file));
  const url = (): string => {
    const servers = [...readFileSync(read, 'utf8').matchAll(/^server (\S+) weight=(\d+);/gm)];
    let point = Math.random() * servers.reduce((sum, [, , weight]) => sum + Number(weight), 0);
    const [, address = ''] = servers.find(([, , weight]) => (point -= Number(weight)) < 0) ?? [];
    return `http://${address}`;
  };
  return { reload, url };
}

/** A real nginx before one gateway where there is an nginx, else what stands in for it. */
export async function startBalancer(t: TestScope, gatewayUrl: string): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-balancer-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'upstreams', 'gateway.conf');
  mkdirSync(join(folder, 'upstreams'));
  writeFileSync(file, `server ${new URL(gatewayUrl).host} weight=100;\n`);
  const program = findNginx();
  return { file, ...(program === undefined ? standInFor(file) : await startNginx(t, folder, program)) };
}
