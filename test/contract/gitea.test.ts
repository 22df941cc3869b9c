import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGitea, repositoryApiUrl } from '../../src/adapters/gitea.ts';
import { createServer, type Server } from '../../src/api/server.ts';
import { isPortError } from '../../src/model/port-error.ts';
import type { Reference } from '../../src/model/reference.ts';
import type { RepositoryAccess } from '../../src/source/source.ts';
import { webhookRoutes } from '../../src/webhooks/webhook-routes.ts';
import { realParts } from '../real-parts.ts';

const { gitea } = realParts();
const host = openGitea();
const repository = { namespace: 'shop', name: 'statuses' };
const name = `statuses-${process.pid}`;
const forever = new AbortController().signal;

let access: RepositoryAccess;
let commit = '';
beforeAll(async () => {
  const { cloneUrl } = await gitea.createRepository(name);
  access = { repository, url: cloneUrl, credentials: { token: gitea.token } };
  commit = await commitFile('a.yaml');
});

async function commitFile(path: string): Promise<string> {
  const made = await gitea.api('POST', `/repos/${gitea.user}/${name}/contents/${path}`, {
    content: Buffer.from('a: 1\n').toString('base64'),
    message: path,
    branch: 'main',
  });
  return (made as { commit: { sha: string } }).commit.sha;
}

const status = { context: 'sluice/shop/staging', state: 'pending', description: 'soaking: 4 of 10 min' } as const;

describe('a status on a real Gitea', () => {
  it.each([
    { name: 'a token', credentials: () => ({ token: gitea.token }) },
    { name: 'a password', credentials: () => ({ username: gitea.user, password: gitea.password }) },
  ])('stands on the commit when posted with $name, and a newer one of its context takes its place', async ({ name: context, credentials }) => {
    const as = { ...access, credentials: credentials() };
    await host.postStatus({ access: as, commit, ...status, context }, forever);
    await host.postStatus(
      { access: as, commit, ...status, context, state: 'success', description: 'verified', targetUrl: 'https://sluice.example.org/r/1' },
      forever,
    );
    const shown = (await gitea.commitStatuses(name, commit)).filter((one) => one.context === context);
    expect(shown).toEqual([{ context, state: 'success', description: 'verified', targetUrl: 'https://sluice.example.org/r/1' }]);
  });

  it.each([
    { name: 'a token that is not known', change: () => ({ access: { ...access, credentials: { token: 'n0tthet0ken' } } }), code: 'UNAUTHORIZED' },
    { name: 'a repository that is not there', change: () => ({ access: { ...access, url: access.url.replace(name, 'nowhere') } }), code: 'NOT_FOUND' },
    { name: 'a commit that was never pushed', change: () => ({ commit: '1'.repeat(40) }), code: 'NOT_FOUND' },
    { name: 'nobody at the address', change: () => ({ access: { ...access, url: 'http://127.0.0.1:1/a/b.git' } }), code: 'UNREACHABLE' },
  ] as const)('is refused with $code for $name, and no secret is told', async ({ change, code }) => {
    const failure = await host.postStatus({ access, commit, ...status, ...change() }, forever).catch((error: unknown) => error);
    expect(failure).toMatchObject({ port: 'git-host', code });
    expect(String(failure)).toContain('Repository shop/statuses');
    expect(JSON.stringify(failure) + String(failure)).not.toMatch(/n0tthet0ken/);
  });
});

describe('a webhook of a real Gitea', () => {
  const nudged: Reference[] = [];
  const answers: number[] = [];
  let app: Server;
  let delivered = () => {};
  beforeAll(async () => {
    app = createServer({ log: pino({ level: 'silent' }) });
    app.addHook('onResponse', async (_request, reply) => {
      answers.push(reply.statusCode);
      delivered();
    });
    await app.register(webhookRoutes, {
      secretOf: async () => ({ host: 'gitea', secret: 's3cret' }),
      onPush: async (reference) => void nudged.push(reference),
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => app.close());

  it.each([
    { secret: 's3cret', answer: 202, nudges: 1 },
    { secret: 'wrong', answer: 401, nudges: 0 },
  ])('signed with "$secret" is answered $answer', async ({ secret, answer, nudges }) => {
    nudged.length = 0;
    answers.length = 0;
    const delivery = new Promise<void>((resolve) => {
      delivered = resolve;
    });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/webhooks/shop/statuses`;
    const hook = await gitea.addWebhook({ repository: name, url, secret });
    await commitFile(`${secret}.yaml`);
    await delivery;
    await gitea.api('DELETE', `/repos/${gitea.user}/${name}/hooks/${hook}`);
    expect(answers).toEqual([answer]);
    expect(nudged).toHaveLength(nudges);
  });
});

describe('a host that answers otherwise', () => {
  it.each([
    { status: 429, headers: { 'retry-after': '7' }, code: 'UNREACHABLE', retryAfterMs: 7000 },
    { status: 429, headers: { 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT' }, code: 'UNREACHABLE', retryAfterMs: 30_000 },
    { status: 503, headers: {}, code: 'UNREACHABLE', retryAfterMs: undefined },
    { status: 302, headers: { location: 'http://169.254.169.254/' }, code: 'INVALID', retryAfterMs: undefined },
    { status: 422, headers: {}, code: 'INVALID', retryAfterMs: undefined },
  ])('$status $headers is $code', async ({ status: answer, headers, code, retryAfterMs }) => {
    let asked: IncomingHttpHeaders = {};
    const server = createHttpServer((request, response) => {
      asked = request.headers;
      response.writeHead(answer, headers).end('<html>proxy</html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/git/shop/config.git`;
      const there = openGitea({ now: () => new Date('2026-11-22T10:00:00Z') });
      const failure = await there
        .postStatus({ access: { repository, url, credentials: { token: 't0ken' } }, commit, ...status }, forever)
        .catch((error: unknown) => error);
      expect(isPortError(failure)).toBe(true);
      expect(failure).toMatchObject({ code, retryAfterMs });
      expect(String(failure)).not.toContain('html');
      expect(asked.authorization).toBe('token t0ken');
    } finally {
      server.close();
    }
  });

  it('that does not answer at all is a TIMEOUT, and no failure when the caller gave up', async () => {
    const server = createHttpServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const there = { repository, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/shop/config.git` };
      await expect(openGitea({ timeoutMs: 50 }).postStatus({ access: there, commit, ...status }, forever)).rejects.toMatchObject({ code: 'TIMEOUT' });
      const gaveUp = openGitea().postStatus({ access: there, commit, ...status }, AbortSignal.abort(new Error('superseded')));
      await expect(gaveUp).rejects.toThrow('superseded');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('where the API of a Repository is', () => {
  it.each([
    { url: 'https://git.example.org/shop/config.git', api: 'https://git.example.org/api/v1/repos/shop/config' },
    { url: 'https://user:s3cret@git.example.org/shop/config/', api: 'https://git.example.org/api/v1/repos/shop/config' },
    { url: 'http://example.org:3000/below/git/shop/con.fig', api: 'http://example.org:3000/below/git/api/v1/repos/shop/con.fig' },
  ])('$url -> $api', ({ url, api }) => {
    expect(repositoryApiUrl({ repository, url })).toBe(api);
  });

  it.each(['https://git.example.org/config', 'https://git.example.org/', 'ssh://git@git.example.org/shop/config', 'git@git.example.org:shop/config.git', ''])(
    '%j has no API to be found',
    (url) => {
      expect(() => repositoryApiUrl({ repository, url })).toThrow(/Repository shop\/statuses: .*spec.url/);
    },
  );
});
