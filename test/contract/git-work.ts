import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Contents by path, laid over what is there; undefined removes a file. */
export type WorkFiles = Readonly<Record<string, string | { readonly symlink: string } | undefined>>;

/** A work tree whose commits are pushed to a Git host. */
export function openGitWork({ url, token }: { readonly url: string; readonly token: string }) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-work-'));
  const settings = {
    'http.extraHeader': `Authorization: Basic ${Buffer.from(`sluice:${token}`).toString('base64')}`,
    'gc.auto': '0',
    'user.name': 'Shop Developer',
    'user.email': 'developer@example.org',
  };
  const env = {
    PATH: process.env.PATH,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(Object.keys(settings).length),
    ...Object.fromEntries(
      Object.entries(settings).flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
  const git = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)('git', ['-C', folder, ...args], { env, maxBuffer: 1 << 26 })).stdout.trim();
  execFileSync('git', ['init', '-q', '-b', 'main', folder], { env });

  function write(files: WorkFiles): void {
    for (const [path, file] of Object.entries(files)) {
      const target = join(folder, path);
      rmSync(target, { force: true, recursive: true });
      if (file === undefined) continue;
      mkdirSync(dirname(target), { recursive: true });
      if (typeof file === 'string') writeFileSync(target, file);
      else symlinkSync(file.symlink, target);
    }
  }

  return {
    git,
    /** Commits what is given and answers the commit's id; nothing is pushed. */
    async commit(files: WorkFiles, message = 'a change'): Promise<string> {
      write(files);
      await git('add', '--all');
      await git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
    async push(branch = 'main', ...options: readonly string[]): Promise<void> {
      await git('push', '-q', ...options, url, `HEAD:refs/heads/${branch}`);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
