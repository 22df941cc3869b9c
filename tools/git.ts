import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Gitea } from './gitea.ts';
import { openRunFolder } from './run-folder.ts';
import { run } from './run-program.ts';

/** Contents by path; undefined deletes the file. */
export type Files = Readonly<Record<string, string | undefined>>;

type Host = Pick<Gitea, 'url' | 'user' | 'token'>;
type Where = { readonly gitea: Host; readonly repository: string; readonly branch?: string };

/** A clone on this machine, for several commits in one push. */
export type WorkingClone = AsyncDisposable & {
  readonly path: string;
  write(path: string, content: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Commits everything that was changed (also when that is nothing) and answers the commit's id. */
  commit(message: string): Promise<string>;
  push(options?: { readonly force?: boolean }): Promise<void>;
  /** Any other git command in the clone; answers what it printed. */
  git(...args: readonly string[]): Promise<string>;
};

/** Clones the repository; a branch that does not exist yet, also in an empty repository, is begun. */
export async function openWorkingClone({ gitea, repository, branch = 'main' }: Where): Promise<WorkingClone> {
  const folder = await openRunFolder();
  const path = join(folder.path, 'clone');
  const env = gitEnvironment(gitea, folder.path);
  const git = (...args: readonly string[]) => run('git', ['-C', path, ...args], { env });
  try {
    await run('git', ['clone', '--quiet', '--no-checkout', `${gitea.url}/${gitea.user}/${repository}.git`, path], { env });
    const begun = (await git('branch', '--remotes', '--list', `origin/${branch}`)) !== '';
    await (begun ? git('checkout', '--quiet', '-B', branch, `origin/${branch}`) : git('checkout', '--quiet', '--orphan', branch));
  } catch (error) {
    await folder.remove();
    throw error;
  }
  return {
    path,
    git,
    async write(file, content) {
      await mkdir(dirname(join(path, file)), { recursive: true });
      await writeFile(join(path, file), content);
    },
    remove: (file) => rm(join(path, file)),
    async commit(message) {
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '--message', message);
      return (await git('rev-parse', 'HEAD')).trim();
    },
    async push({ force = false } = {}) {
      await git('push', '--quiet', ...(force ? ['--force'] : []), 'origin', `HEAD:refs/heads/${branch}`);
    },
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

/** Pushes one commit and answers its id. */
export async function pushFiles({ files, message, ...where }: Where & { readonly files: Files; readonly message: string }): Promise<string> {
  await using clone = await openWorkingClone(where);
  for (const [path, content] of Object.entries(files)) await (content === undefined ? clone.remove(path) : clone.write(path, content));
  const commit = await clone.commit(message);
  await clone.push();
  return commit;
}

/** The token travels in the environment: it is in no argument, no URL and no file. The machine's own Git settings play no part. */
function gitEnvironment({ user, token }: Host, home: string): Readonly<Record<string, string>> {
  const author = { NAME: 'Shop Developer', EMAIL: 'developer@example.org' };
  return {
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: '3',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`,
    GIT_CONFIG_KEY_1: 'credential.helper',
    GIT_CONFIG_VALUE_1: '',
    GIT_CONFIG_KEY_2: 'gc.auto',
    GIT_CONFIG_VALUE_2: '0',
    GIT_AUTHOR_NAME: author.NAME,
    GIT_AUTHOR_EMAIL: author.EMAIL,
    GIT_COMMITTER_NAME: author.NAME,
    GIT_COMMITTER_EMAIL: author.EMAIL,
  };
}
