import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { PortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { Ref, RepositoryAccess } from '../source/source.ts';
import { authorizationOf, gitPortError, retryAfterMsOf, withoutCredentials } from './git-http.ts';
import { openPackFile, type PackFile } from './git-pack-file.ts';
import {
  type Advertisement,
  type FetchRequest,
  fetchRequest,
  GitAnswerCut,
  GitHostRefusal,
  listRefsRequest,
  NotGit,
  packetsOf,
  readAdvertisement,
  readFetched,
  readListedRefs,
} from './git-wire.ts';

/** The host speaks version 1 of the protocol only. */
class OldProtocol extends Error {
  override readonly name = 'OldProtocol';
}

export type Downloaded = {
  readonly pack: PackFile;
  readonly receivedBytes: number;
  readonly shallow: readonly string[];
  readonly unshallow: readonly string[];
};

export type UploadPack = {
  /** Asks for the refs below the prefixes: one request once the host is known. */
  refs(access: RepositoryAccess, prefixes: readonly string[], signal: AbortSignal): Promise<readonly Ref[]>;
  /** Downloads one pack into `file`. Throws PackTooLarge and OldProtocol besides PortErrors. */
  download(access: RepositoryAccess, wanted: FetchRequest, to: { readonly file: string; readonly maxBytes: number }, signal: AbortSignal): Promise<Downloaded>;
  close(): Promise<void>;
};

type Known = { readonly url: string; readonly advertisement: Advertisement };

const maxRedirects = 3;
const maxListingBytes = 64 * 1024 * 1024;

/** Reads Git hosts over HTTP(S), wire protocol version 2, on pooled connections that are kept open. A proxy is taken from the usual environment variables. */
export function openUploadPack({ timeoutMs }: { readonly timeoutMs: number }): UploadPack {
  const agent = new EnvHttpProxyAgent({
    connections: 16,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 600_000,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const known = new Map<string, Known>();

  async function hostOf(access: RepositoryAccess, signal: AbortSignal): Promise<Known> {
    const url = withoutCredentials(access.url);
    const remembered = known.get(url);
    if (remembered !== undefined) return remembered;
    const asked = await askWhoItIs(access, url, signal, maxRedirects);
    if (asked.advertisement.version === 2) known.set(url, asked);
    return asked;
  }

  async function askWhoItIs(access: RepositoryAccess, url: string, signal: AbortSignal, redirects: number): Promise<Known> {
    const answer = await send(access, `${url}/info/refs?service=git-upload-pack`, { method: 'GET' }, signal);
    const moved = redirects > 0 ? movedTo(url, answer) : undefined;
    if (moved !== undefined) {
      await answer.body.dump();
      return askWhoItIs(access, moved, signal, redirects - 1);
    }
    await refuseFailure(access, answer);
    const advertisement = await readAdvertisement(packetsOf(limited(answer.body)));
    const usesSha256 = advertisement.version === 2 ? advertisement.objectFormat !== 'sha1' : advertisement.refs.some(({ commit }) => commit.length !== 40);
    if (usesSha256) throw new GitHostRefusal('mismatched object format');
    return { url, advertisement };
  }

  async function post(access: RepositoryAccess, url: string, body: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const answer = await send(access, `${url}/git-upload-pack`, { method: 'POST', body }, signal);
    await refuseFailure(access, answer);
    return answer;
  }

  async function send(
    access: RepositoryAccess,
    url: string,
    { method, body }: { readonly method: 'GET' | 'POST'; readonly body?: string },
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const authorization = authorizationOf(access);
    const headers = {
      'user-agent': 'git/2.0 (sluice)', // hosts tell Git from browsers by this beginning
      'git-protocol': 'version=2',
      ...(body === undefined ? {} : { 'content-type': 'application/x-git-upload-pack-request', accept: 'application/x-git-upload-pack-result' }),
      ...(authorization === undefined ? {} : { authorization }),
    };
    const once = async (): Promise<Dispatcher.ResponseData> => request(url, { method, headers, body: body ?? null, dispatcher: agent, signal });
    try {
      return await once();
    } catch (error) {
      if (!connectionWasStale(error) || signal.aborted) throw error;
      return await once();
    }
  }

  /** Runs one exchange under the deadline and turns whatever went wrong into a PortError. */
  async function exchange<T>(access: RepositoryAccess, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await run(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      known.delete(withoutCredentials(access.url));
      throw failureOf(access, error);
    }
  }

  return {
    refs: async (access, prefixes, callerSignal) =>
      exchange(access, callerSignal, async (signal) => {
        const { url, advertisement } = await hostOf(access, signal);
        const listed =
          advertisement.version === 1
            ? advertisement.refs
            : await readListedRefs(packetsOf(limited((await post(access, url, listRefsRequest(prefixes, advertisement.announcesObjectFormat), signal)).body)));
        return listed.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix))); // to the host, prefixes are a hint
      }),

    download: async (access, wanted, { file, maxBytes }, callerSignal) =>
      exchange(access, callerSignal, async (signal) => {
        const { url, advertisement } = await hostOf(access, signal);
        if (advertisement.version === 1) throw new OldProtocol('the host speaks protocol version 1 only');
        const { body } = await post(access, url, fetchRequest(wanted, advertisement.announcesObjectFormat), signal);
        let receivedBytes = 0;
        const writing = await openPackFile(file, maxBytes);
        try {
          const { shallow, unshallow } = await readFetched(
            packetsOf(
              counted(body, (bytes) => {
                receivedBytes += bytes;
              }),
            ),
            writing.write,
          );
          return { pack: await writing.finish(), receivedBytes, shallow, unshallow };
        } catch (error) {
          await writing.discard();
          throw error;
        }
      }),

    close: async () => agent.destroy(),
  };
}

/** A redirect is followed within one origin only: credentials go nowhere else. */
function movedTo(url: string, { statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  const { location } = headers;
  if (statusCode < 300 || statusCode >= 400 || typeof location !== 'string' || !URL.canParse(location, url)) return undefined;
  const target = new URL(location, url);
  const ending = '/info/refs';
  if (target.origin !== new URL(url).origin || !target.pathname.endsWith(ending)) return undefined;
  return `${target.origin}${target.pathname.slice(0, -ending.length)}`;
}

async function refuseFailure(access: RepositoryAccess, { statusCode, headers, body }: Dispatcher.ResponseData): Promise<void> {
  if (statusCode === 200) return;
  await body.dump();
  if (statusCode === 403) {
    throw new PortError(
      'source',
      'UNAUTHORIZED',
      `${repositoryText(access)}: the credentials may not read it (403); give their account or token read access to the repository`,
      { cause: new Error('HTTP 403') },
    );
  }
  throw gitPortError('source', access, statusCode, '', retryAfterMsOf(headers['retry-after'], new Date()));
}

function failureOf(access: RepositoryAccess, error: unknown): unknown {
  const failed = (code: PortError['code'], reason: string): PortError =>
    new PortError('source', code, `${repositoryText(access)}: ${reason}`, { cause: error });
  if (error instanceof PortError || (error instanceof Error && passedOn.has(error.name))) return error;
  if (error instanceof NotGit) return failed('INVALID', `no Git repository answers at this address (${error.message}); correct spec.url`);
  if (error instanceof GitAnswerCut) return failed('UNREACHABLE', error.message);
  if (!(error instanceof GitHostRefusal)) return gitPortError('source', access, error);
  if (error.message.includes('object format')) return failed('INVALID', 'it uses SHA-256 object ids, which Sluice cannot read yet; use a SHA-1 repository');
  if (error.message.includes('not our ref')) return failed('NOT_FOUND', `the host does not have the commit (any more): ${error.message}`);
  return failed('INVALID', `the Git host refused: ${error.message}`);
}

const passedOn: ReadonlySet<string> = new Set(['PackTooLarge', 'OldProtocol']);

/** As messages name it. */
export const repositoryText = ({ repository, url }: RepositoryAccess): string => `Repository ${referenceText(repository)} (${withoutCredentials(url)})`;

// The host closed a kept connection just as we used it. Reading twice harms nobody.
function connectionWasStale(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'UND_ERR_SOCKET' || error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

async function* counted(body: AsyncIterable<Uint8Array>, add: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    add(chunk.byteLength);
    yield chunk;
  }
}

async function* limited(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxListingBytes) throw new GitHostRefusal(`the list of refs is larger than ${maxListingBytes} bytes`);
    yield chunk;
  }
}
