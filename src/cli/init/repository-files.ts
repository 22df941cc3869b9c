import { load } from 'js-yaml';
import type { AskHttp } from '../../adapters/http-probe.ts';
import { at } from '../../model/json.ts';
import { accepted } from '../../model/parsed.ts';
import { kustomizationNames } from '../../render/kustomization.ts';
import { filesAt } from '../../source/files.ts';
import type { Files, Ref, RepositoryAccess, Source } from '../../source/source.ts';
import { type Answer, refuse } from '../answer.ts';
import type { GitHostName } from './answers.ts';

const maxFiles = 20_000;
const usualBranches = ['main', 'master'];

export type ReadRepository = { readonly branch: string; readonly paths: readonly string[]; readonly files: Files };

/** The files of the branch, or of main or master when none is named. Throws what Source throws. */
export async function readRepository(
  source: Source,
  access: RepositoryAccess,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<Answer<ReadRepository>> {
  const heads = await source.refs(access, ['refs/heads/'], signal);
  const tip = branchOf(heads, wanted);
  if (!tip.ok) return tip;
  await source.fetch(access, tip.value, signal);
  const files = filesAt(source, access, await source.commit(access, tip.value.commit, signal), signal);
  const paths: string[] = [];
  for (const folders = ['']; folders.length > 0; ) {
    const folder = folders.shift() ?? '';
    for (const { name, type } of (await files.list(folder)) ?? []) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (type === 'tree') folders.push(path);
      if (type === 'blob') paths.push(path);
    }
    if (paths.length > maxFiles)
      return refuse('NothingToDeploy', {
        at: access.url,
        message: `has more than ${maxFiles.toLocaleString('en')} files: name the folders with --path and the resources by hand`,
      });
  }
  return accepted({ branch: tip.value.name.slice('refs/heads/'.length), paths, files });
}

function branchOf(heads: readonly Ref[], wanted: string | undefined): Answer<Ref> {
  const found = (wanted === undefined ? usualBranches : [wanted])
    .map((name) => heads.find((ref) => ref.name === `refs/heads/${name}`))
    .find((ref) => ref !== undefined);
  if (found !== undefined) return accepted(found);
  if (heads.length === 0) return refuse('NothingToDeploy', { at: 'repository', message: 'has no branch yet: push a first commit, and run this again' });
  const names = heads.slice(0, 10).map(({ name }) => name.slice('refs/heads/'.length));
  return refuse('NothingToDeploy', {
    at: '--branch',
    message: `${wanted === undefined ? 'neither main nor master is there' : `there is no branch ${wanted}`}: name one of ${names.join(', ')}`,
  });
}

/** The field `namespace` of the kustomizations in these folders. One that cannot be read says nothing here: its Application will. */
export async function kustomizationNamespaces(files: Files, folders: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const namespaces = new Map<string, string>();
  for (const folder of new Set(folders)) {
    for (const name of kustomizationNames) {
      const bytes = await files.read(folder === '.' ? name : `${folder}/${name}`);
      const namespace = bytes === undefined ? undefined : at(readYaml(bytes), 'namespace');
      if (typeof namespace === 'string' && namespace !== '') namespaces.set(folder, namespace);
    }
  }
  return namespaces;
}

function readYaml(bytes: Uint8Array): unknown {
  try {
    return load(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Gitea and Forgejo tell their version, to everybody or to those who have a token; nothing else does so there. */
export async function findHost(ask: AskHttp, url: string, token: string | undefined, signal: AbortSignal): Promise<GitHostName> {
  const { origin, pathname } = new URL(url);
  const below = pathname.split('/').slice(0, -2).join('/').replace(/\/+$/, '');
  const question = { url: `${origin}${below}/api/v1/version`, headers: { accept: 'application/json' } };
  const open = await ask(question, signal);
  const asksWho = open.answered && (open.status === 401 || open.status === 403) && token !== undefined;
  const answer = asksWho ? await ask({ ...question, headers: { ...question.headers, authorization: `token ${token}` } }, signal) : open;
  return answer.answered && answer.status === 200 && /^\s*\{\s*"version"\s*:/.test(answer.text) ? 'gitea' : 'git';
}
