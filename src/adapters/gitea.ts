import { type Dispatcher, request } from 'undici';
import { at } from '../model/json.ts';
import { PortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { RepositoryAccess } from '../source/source.ts';
import type { GitHost } from '../status/git-host.ts';
import { authorizationOf, gitPortError, retryAfterMsOf, withoutCredentials } from './git-http.ts';

type Options = {
  readonly timeoutMs?: number;
  readonly dispatcher?: Dispatcher;
  /** Only to read a Retry-After that is a date. */
  readonly now?: () => Date;
};

const maxAnswerCharacters = 65_536;

/** Statuses on Gitea and Forgejo. Source: Gitea API, POST /repos/{owner}/{repo}/statuses/{sha}. */
export function openGitea({ timeoutMs = 10_000, dispatcher, now = () => new Date() }: Options = {}): GitHost {
  return {
    async postStatus({ access, commit, context, state, description, targetUrl }, signal) {
      const repository = repositoryApiUrl(access);
      const body = { context, state, description, ...(targetUrl === undefined ? {} : { target_url: targetUrl }) };
      const answer = await send('POST', `${repository}/statuses/${encodeURIComponent(commit)}`, access, signal, body);
      if (answer.status >= 200 && answer.status < 300) return;
      if (answer.status === 500 && (await isUnknown(repository, commit, access, signal))) {
        const reason = `has no commit ${commit}; it was never pushed or its branch was rewritten`;
        throw new PortError('git-host', 'NOT_FOUND', `Repository ${referenceText(access.repository)} (${withoutCredentials(access.url)}) ${reason}`, {
          cause: new Error('HTTP 500'),
        });
      }
      throw gitPortError('git-host', access, answer.status, messageOf(answer.text), retryAfterMsOf(answer.retryAfter, now()));
    },
  };

  // To a status on a commit that it does not have Gitea answers 500, as if it had broken down.
  async function isUnknown(repository: string, commit: string, access: RepositoryAccess, signal: AbortSignal): Promise<boolean> {
    return (
      (await send('GET', `${repository}/git/commits/${encodeURIComponent(commit)}?stat=false&files=false&verification=false`, access, signal)).status === 404
    );
  }

  async function send(method: 'GET' | 'POST', url: string, access: RepositoryAccess, signal: AbortSignal, body?: object) {
    const authorization = apiAuthorization(access);
    try {
      const {
        statusCode,
        headers,
        body: answer,
      } = await request(url, {
        method,
        headers: { 'content-type': 'application/json', accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        ...(dispatcher === undefined ? {} : { dispatcher }),
      });
      return { status: statusCode, retryAfter: headers['retry-after'], text: await beginningOf(answer) };
    } catch (error) {
      signal.throwIfAborted(); // the caller gave up: no failure of the host's
      throw gitPortError('git-host', access, error);
    }
  }
}

/** `https://host/below/owner/name.git` -> `https://host/below/api/v1/repos/owner/name`. Throws PortError INVALID for an address without owner and name. */
export function repositoryApiUrl({ repository, url }: RepositoryAccess): string {
  const clone = URL.canParse(withoutCredentials(url)) ? new URL(withoutCredentials(url)) : undefined;
  const segments = (clone?.pathname ?? '').split('/').filter((segment) => segment !== '');
  const name = segments.at(-1)?.replace(/\.git$/, '');
  const owner = segments.at(-2);
  if (clone === undefined || !/^https?:$/.test(clone.protocol) || !name || !owner) {
    const reason = 'is no http or https address that ends in /<owner>/<name>, so the API of its Gitea is unknown; correct spec.url or set spec.host to git';
    throw new PortError('git-host', 'INVALID', `Repository ${referenceText(repository)}: ${withoutCredentials(url)} ${reason}`, { cause: undefined });
  }
  const below = segments
    .slice(0, -2)
    .map((segment) => `/${segment}`)
    .join('');
  return `${clone.origin}${below}/api/v1/repos/${owner}/${name}`;
}

// Gitea's API takes a token under its own scheme; as a Basic password it depends on the server's settings.
function apiAuthorization(access: RepositoryAccess): string | undefined {
  return access.credentials !== undefined && 'token' in access.credentials ? `token ${access.credentials.token}` : authorizationOf(access);
}

async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of body) {
    text += chunk.toString('utf8');
    if (text.length > maxAnswerCharacters) break; // leaving the loop ends the stream
  }
  return text;
}

/** Gitea's own words, cut to one line. An answer of a proxy in between (HTML) is not repeated. */
function messageOf(text: string): string {
  try {
    const message = at(JSON.parse(text), 'message');
    return typeof message === 'string' ? message.replace(/\s+/g, ' ').slice(0, 200) : '';
  } catch {
    return '';
  }
}
