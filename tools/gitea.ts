import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Parts } from './parts.ts';
import { type Child, startChild, waitUntilReady, withFreePorts } from './process.ts';
import { run, type Say } from './run-program.ts';

/** What stands on a commit. `state` is Gitea's word: pending, success, error, failure or warning. */
export type CommitStatus = { readonly context: string; readonly state: string; readonly description: string; readonly targetUrl: string };

/** Where Gitea is and who we are there. */
export type GiteaAccess = {
  readonly url: string;
  readonly user: string;
  /** An API token; Git takes it as the password as well. */
  readonly token: string;
  readonly password: string;
};

/** A Git host as its one user sees it. */
export type GiteaClient = GiteaAccess & {
  /** Creates an empty private repository of the user. The URL holds no credentials. */
  createRepository(name: string): Promise<{ readonly cloneUrl: string }>;
  /** Has pushes to the repository told to the address, signed with the secret (X-Gitea-Signature). Answers the webhook's id. */
  addWebhook(webhook: { readonly repository: string; readonly url: string; readonly secret: string }): Promise<number>;
  /** Calls the API (`path` from /api/v1 on) as the user. Throws with Gitea's message when it refuses. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** The newest status of each context. */
  commitStatuses(repository: string, commit: string): Promise<readonly CommitStatus[]>;
};

/** A real Git host on the loopback. `start` after `stop` brings it back on the same port with the same data; `restart` does both. */
export type Gitea = GiteaClient &
  AsyncDisposable & {
    stop(): Promise<void>;
    start(): Promise<void>;
    restart(): Promise<void>;
  };

const user = 'sluice-demo';

/** Starts Gitea with a new, empty data folder in `dir`. Throws with the end of its log when it does not come up. */
export async function startGitea({ parts, dir, say = () => {} }: { readonly parts: Parts; readonly dir: string; readonly say?: Say }): Promise<Gitea> {
  const began = performance.now();
  await mkdir(join(dir, 'data'), { recursive: true, mode: 0o700 });
  const settings = join(dir, 'app.ini');
  const logFile = join(dir, 'gitea.log');
  // it refuses to be root otherwise; in a container there is often nobody else
  const env = { GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT: 'true', GITEA_WORK_DIR: dir, HOME: dir };
  const startServer = async (port: number): Promise<Child> => {
    const child = await startChild({ name: 'Gitea', command: parts.gitea, args: ['--config', settings, 'web'], logFile, env });
    try {
      await waitUntilReady(child, async () => (await fetch(`http://127.0.0.1:${port}/api/healthz`, { signal: AbortSignal.timeout(2000) })).ok);
      return child;
    } catch (error) {
      await child.stop(0);
      throw error;
    }
  };

  const secrets = { secretKey: randomBytes(32).toString('hex'), internalToken: randomBytes(32).toString('hex') };
  const writeSettings = (port: number) => writeFile(settings, settingsText({ dir, port, staticRoot: parts.giteaStaticRoot, ...secrets }), { mode: 0o600 });
  await writeSettings(0);
  await run(parts.gitea, ['--config', settings, 'migrate'], { env });
  const { token, password } = await createUser(parts, settings, env);

  const first = await withFreePorts(1, async ([port = 0]) => {
    await writeSettings(port);
    return { port, child: await startServer(port) };
  });
  let server = first.child;
  say(`Gitea: up after ${((performance.now() - began) / 1000).toFixed(1)} s`);

  const stop = () => server.stop();
  const start = async () => {
    if (!server.isRunning()) server = await startServer(first.port);
  };

  return {
    ...giteaClient({ url: `http://127.0.0.1:${first.port}`, user, token, password }),
    stop,
    start,
    async restart() {
      await stop();
      await start();
    },
    [Symbol.asyncDispose]: () => server.stop(0),
  };
}

/** Talks to a Gitea that runs already. */
export function giteaClient(access: GiteaAccess): GiteaClient {
  const { url, user: owner, token } = access;
  const api: GiteaClient['api'] = async (method, path, body) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `token ${token}`, 'content-type': 'application/json', accept: 'application/json' },
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Gitea: ${method} ${path} answered ${answer.status}: ${text.slice(0, 500)}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    ...access,
    api,
    async createRepository(name) {
      await api('POST', '/user/repos', { name, private: true, default_branch: 'main' });
      return { cloneUrl: `${url}/${owner}/${name}.git` };
    },
    async addWebhook({ repository, url: target, secret }) {
      const hook = await api('POST', `/repos/${owner}/${repository}/hooks`, {
        type: 'gitea',
        active: true,
        events: ['push'],
        branch_filter: '*',
        config: { url: target, content_type: 'json', secret },
      });
      return (hook as { id: number }).id;
    },
    async commitStatuses(repository, commit) {
      const answer = (await api('GET', `/repos/${owner}/${repository}/commits/${commit}/status`)) as { statuses: readonly ApiStatus[] | null };
      return (answer.statuses ?? []).map(({ context, status, description, target_url }) => ({ context, state: status, description, targetUrl: target_url }));
    },
  };
}

type ApiStatus = { readonly context: string; readonly status: string; readonly description: string; readonly target_url: string };

async function createUser(
  parts: Parts,
  settings: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly token: string; readonly password: string }> {
  const printed = await run(
    parts.gitea,
    ['--config', settings, 'admin', 'user', 'create', '--admin', '--username', user, '--email', `${user}@example.org`].concat([
      '--random-password',
      '--random-password-length',
      '24',
      '--must-change-password=false',
      '--access-token',
      '--access-token-scopes',
      'all',
    ]),
    { env },
  );
  const token = /\b[0-9a-f]{40}\b/.exec(printed)?.[0];
  const password = /generated random password is '(.+)'/.exec(printed)?.[1];
  if (token === undefined || password === undefined) throw new Error('gitea admin user create printed no token or no password: has its wording changed?');
  return { token, password };
}

type Settings = { readonly dir: string; readonly port: number; readonly staticRoot: string; readonly secretKey: string; readonly internalToken: string };

/** Queues in memory and cheap password hashes: a push is told to its webhook within milliseconds. Whatever would look for the network is off. */
const settingsText = ({ dir, port, staticRoot, secretKey, internalToken }: Settings): string => `APP_NAME = Git host of Sluice's demo
RUN_MODE = prod
WORK_PATH = ${dir}

[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
ROOT_URL = http://127.0.0.1:${port}/
LOCAL_ROOT_URL = http://127.0.0.1:${port}/
STATIC_ROOT_PATH = ${staticRoot}
APP_DATA_PATH = ${dir}/data
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false

[database]
DB_TYPE = sqlite3
PATH = ${dir}/data/gitea.db
SQLITE_JOURNAL_MODE = WAL

[repository]
ROOT = ${dir}/data/repositories
DEFAULT_BRANCH = main

[security]
INSTALL_LOCK = true
SECRET_KEY = ${secretKey}
INTERNAL_TOKEN = ${internalToken}
PASSWORD_HASH_ALGO = pbkdf2$2000$50

[webhook]
ALLOWED_HOST_LIST = loopback

[queue]
TYPE = channel
BATCH_LENGTH = 1

[session]
PROVIDER = memory

[indexer]
ISSUE_INDEXER_TYPE = db

[log]
LEVEL = Warn

[service]
DISABLE_REGISTRATION = true

[picture]
DISABLE_GRAVATAR = true

[cron]
ENABLED = false

[actions]
ENABLED = false

[packages]
ENABLED = false

[oauth2]
ENABLED = false
`;
