import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Git host with one empty repository, to which a token gives write access. */
export type GitHost = AsyncDisposable & {
  readonly url: string;
  readonly token: string;
  /** Makes the host's rules decline every push to this branch. */
  protect(branch: string): Promise<void>;
};

/** The system's `git http-backend` behind a small CGI server. */
export async function openGitHttpBackend(): Promise<GitHost> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-git-'));
  const repository = join(folder, 'repository.git');
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', repository]);
  execFileSync('git', ['-C', repository, 'config', 'http.receivepack', 'true']);

  const token = 'a-token';
  const server = createServer((asked, answer) => {
    const [, password] = Buffer.from(asked.headers.authorization?.replace('Basic ', '') ?? '', 'base64')
      .toString()
      .split(':');
    if (password === token) runBackend(folder, asked, answer);
    else answer.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/repository.git`,
    token,
    async protect(branch) {
      const hook = `#!/bin/sh\n[ "$1" = "refs/heads/${branch}" ] || exit 0\necho "this branch is protected" >&2\nexit 1\n`;
      await writeFile(join(repository, 'hooks', 'update'), hook, { mode: 0o755 });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true });
    },
  };
}

function runBackend(folder: string, asked: IncomingMessage, answer: ServerResponse): void {
  const { pathname, search } = new URL(asked.url ?? '/', 'http://localhost');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'sluice',
      REMOTE_ADDR: '127.0.0.1',
      REQUEST_METHOD: asked.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: asked.headers['content-type'] ?? '',
      ...(asked.headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: asked.headers['content-length'] }),
      ...(asked.headers['content-encoding'] === undefined ? {} : { HTTP_CONTENT_ENCODING: asked.headers['content-encoding'] }),
      GIT_PROTOCOL: String(asked.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  backend.stdin.on('error', () => {}); // it ends early when it refuses a request
  asked.pipe(backend.stdin);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  backend.on('close', () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf('\r\n\r\n');
    const headers = output
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(': '));
    const status = headers.find(([name]) => name === 'Status')?.[1];
    for (const [name = '', value = ''] of headers) if (name !== 'Status') answer.setHeader(name, value);
    answer.writeHead(status === undefined ? 200 : Number.parseInt(status, 10)).end(output.subarray(end + 4));
  });
}
