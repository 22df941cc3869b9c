import { createHash } from 'node:crypto';
import { commitOf, treeEntriesOf } from '../../src/adapters/git-objects.ts';
import { PortError } from '../../src/model/port-error.ts';
import { type Reference, referenceText, sameReference } from '../../src/model/reference.ts';
import type { Commit, Ref, RepositoryAccess, Source, TreeEntry } from '../../src/source/source.ts';

/** A file's text, or what else may stand in a tree. */
export type FakeFile = string | { readonly symlink: string } | { readonly submodule: string };
/** Files by path, laid over those of the branch; undefined removes one. */
export type FakeFiles = Readonly<Record<string, FakeFile | undefined>>;

type CommitOptions = {
  readonly message?: string;
  readonly branch?: string;
  readonly parents?: readonly string[];
  readonly author?: string;
  readonly at?: Date;
};

type Stored = { readonly type: 'tree'; readonly entries: readonly TreeEntry[] } | { readonly type: 'blob'; readonly bytes: Uint8Array };

export type FakeRepository = {
  readonly access: RepositoryAccess;
  /** Commits on a branch (main) and moves it there; answers the commit's id. Parents are the branch's tip unless given. */
  commit(files: FakeFiles, options?: CommitOptions): string;
  /** Points a branch at a commit, makes it, or with undefined removes it. */
  branch(name: string, commit: string | undefined): void;
  tag(name: string, commit: string): void;
  /** Takes what was pushed to any ref: a commit, and the trees and blobs that it needs. */
  receive(ref: string, pushed: readonly { readonly type: 'commit' | 'tree' | 'blob'; readonly bytes: Uint8Array }[]): void;
  /** Points any ref at a commit, or with undefined removes it. */
  point(ref: string, commit: string | undefined): void;
  tip(branch?: string): string;
  head(ref: string): string | undefined;
  /** Lets the host answer everything that is asked of it with this error, until it is given undefined. */
  fail(error: PortError | undefined): void;
  /** Every fetch that reached the host. */
  readonly fetched: readonly Ref[];
  /** How often the host was asked for refs. */
  readonly asked: () => number;
  readonly source: Source;
};

const modes: Readonly<Record<TreeEntry['type'], string>> = { tree: '40000', blob: '100644', symlink: '120000', submodule: '160000' };

/** A repository in memory. Object ids are those that Git itself would give. */
export function fakeRepository(repository: Reference = { namespace: 'shop', name: 'config' }): FakeRepository {
  const objects = new Map<string, Stored>();
  const commits = new Map<string, Commit>();
  const raw = new Map<string, Uint8Array>();
  const filesOf = new Map<string, FakeFiles>();
  const refs = new Map<string, string>();
  const advertised = new Map<string, string>();
  const lines = new Set<string>();
  const here = new Set<string>();
  const fetched: Ref[] = [];
  let failure: PortError | undefined;
  let asked = 0;
  let clock = Date.UTC(2026, 0, 1);
  const access: RepositoryAccess = { repository, url: `https://git.example/${repository.name}.git` };

  function store(files: FakeFiles): string {
    const below = Map.groupBy(
      Object.entries(files).filter(([, file]) => file !== undefined),
      ([path]) => path.split('/')[0] ?? '',
    );
    const entries = [...below].map(([name, inside]): TreeEntry => {
      const whole = inside.find(([path]) => path === name)?.[1];
      if (whole !== undefined) return { name, ...storeFile(whole) };
      return { name, type: 'tree', id: store(Object.fromEntries(inside.map(([path, file]) => [path.slice(name.length + 1), file]))) };
    });
    const sorted = entries.sort((a, b) => (sortName(a) < sortName(b) ? -1 : 1));
    const id = gitId('tree', Buffer.concat(sorted.flatMap((entry) => [Buffer.from(`${modes[entry.type]} ${entry.name}\0`), Buffer.from(entry.id, 'hex')])));
    objects.set(id, { type: 'tree', entries: sorted });
    return id;
  }

  function storeFile(file: FakeFile): { readonly type: TreeEntry['type']; readonly id: string } {
    if (typeof file !== 'string' && 'submodule' in file) return { type: 'submodule', id: file.submodule };
    const bytes = Buffer.from(typeof file === 'string' ? file : file.symlink);
    const id = gitId('blob', bytes);
    objects.set(id, { type: 'blob', bytes });
    return { type: typeof file === 'string' ? 'blob' : 'symlink', id };
  }

  const failed = (code: PortError['code'], reason: string): PortError =>
    new PortError('source', code, `Repository ${referenceText(repository)} (${access.url}): ${reason}`, { cause: undefined });

  function hostAnswers(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
  }

  function arrive(commitId: string, withHistory: boolean): number {
    const commit = commits.get(commitId);
    if (commit === undefined || here.has(commitId)) return 0;
    here.add(commitId);
    const before = withHistory ? commit.parents.map((parent) => arrive(parent, true)) : [];
    return before.reduce((sum, bytes) => sum + bytes, 200) + arriveTree(commit.tree);
  }

  function arriveTree(id: string): number {
    const stored = objects.get(id);
    if (stored === undefined || here.has(id)) return 0;
    here.add(id);
    if (stored.type === 'blob') return stored.bytes.byteLength;
    return stored.entries.reduce((sum, entry) => sum + (entry.type === 'submodule' ? 0 : arriveTree(entry.id)), 40);
  }

  const source: Source = {
    async refs(_access, prefixes, signal) {
      hostAnswers(signal);
      asked += 1;
      const listed = [...refs].map(([name, commit]) => ({ name, commit })).filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
      for (const { name, commit } of listed) advertised.set(name, commit);
      return listed;
    },
    async fetch(_access, ref, signal) {
      signal.throwIfAborted();
      const movedOn = lines.has(ref.name) && advertised.get(ref.name) === ref.commit;
      if (!here.has(ref.commit)) {
        hostAnswers(signal);
        if (!commits.has(ref.commit)) throw failed('NOT_FOUND', `the host does not have the commit (any more): ${ref.commit}`);
        fetched.push(ref);
      }
      const receivedBytes = arrive(ref.commit, movedOn);
      lines.add(ref.name);
      return { receivedBytes };
    },
    async commit(_access, id, signal) {
      signal.throwIfAborted();
      const commit = here.has(id) ? commits.get(id) : undefined;
      if (commit === undefined) throw failed('NOT_FOUND', `commit ${id} has not been fetched`);
      return commit;
    },
    async rawCommit(_access, id, signal) {
      signal.throwIfAborted();
      const bytes = here.has(id) ? raw.get(id) : undefined;
      if (bytes === undefined) throw failed('NOT_FOUND', `commit ${id} has not been fetched`);
      return bytes;
    },
    async tree(_access, id, signal) {
      signal.throwIfAborted();
      const stored = here.has(id) ? objects.get(id) : undefined;
      if (stored?.type !== 'tree') throw failed('NOT_FOUND', `tree ${id} has not been fetched`);
      return stored.entries;
    },
    async blob(_access, id, maxBytes, signal) {
      signal.throwIfAborted();
      const stored = here.has(id) ? objects.get(id) : undefined;
      if (stored?.type !== 'blob') throw failed('NOT_FOUND', `blob ${id} has not been fetched`);
      if (stored.bytes.byteLength > maxBytes) throw failed('INVALID', `file ${id} has ${stored.bytes.byteLength} bytes, more than the ${maxBytes} allowed`);
      return stored.bytes;
    },
  };

  return {
    access,
    source,
    fetched,
    asked: () => asked,
    commit(
      files,
      { message = 'a change', branch = 'main', parents, author = 'Shop Developer <developer@example.org>', at = new Date((clock += 60_000)) } = {},
    ) {
      const tip = refs.get(`refs/heads/${branch}`);
      const before = parents ?? (tip === undefined ? [] : [tip]);
      const all = { ...filesOf.get(before[0] ?? ''), ...files };
      const tree = store(all);
      const seconds = Math.floor(at.getTime() / 1000);
      const text = [
        `tree ${tree}`,
        ...before.map((parent) => `parent ${parent}`),
        `author ${author} ${seconds} +0000`,
        `committer ${author} ${seconds} +0000`,
        '',
        message,
      ].join('\n');
      const id = gitId('commit', Buffer.from(text));
      commits.set(id, { id, tree, parents: before, author, committedAt: new Date(seconds * 1000), message });
      raw.set(id, Buffer.from(text));
      filesOf.set(id, all);
      refs.set(`refs/heads/${branch}`, id);
      return id;
    },
    branch(name, commit) {
      if (commit === undefined) refs.delete(`refs/heads/${name}`);
      else refs.set(`refs/heads/${name}`, commit);
    },
    tag: (name, commit) => void refs.set(`refs/tags/${name}`, commit),
    receive(ref, pushed) {
      for (const { type, bytes } of pushed) {
        const id = gitId(type, Buffer.from(bytes));
        if (type === 'blob') objects.set(id, { type, bytes });
        if (type === 'tree') objects.set(id, { type, entries: treeEntriesOf(Buffer.from(bytes)) });
        if (type !== 'commit') continue;
        commits.set(id, commitOf(id, Buffer.from(bytes)));
        raw.set(id, bytes);
        refs.set(ref, id);
      }
    },
    point(ref, commit) {
      if (commit === undefined) refs.delete(ref);
      else refs.set(ref, commit);
    },
    tip(branch = 'main') {
      const commit = refs.get(`refs/heads/${branch}`);
      if (commit === undefined) throw new Error(`there is no branch ${branch}`);
      return commit;
    },
    head: (ref) => refs.get(ref),
    fail(error) {
      failure = error;
    },
  };
}

/** One Source for several repositories, told apart by their reference. */
export function fakeSource(...repositories: readonly FakeRepository[]): Source {
  const sourceOf = ({ repository, url }: RepositoryAccess): Source => {
    const found = repositories.find(({ access }) => sameReference(access.repository, repository));
    if (found === undefined)
      throw new PortError('source', 'NOT_FOUND', `Repository ${referenceText(repository)} (${url}): no such repository`, { cause: undefined });
    return found.source;
  };
  return {
    refs: async (access, ...rest) => sourceOf(access).refs(access, ...rest),
    fetch: async (access, ...rest) => sourceOf(access).fetch(access, ...rest),
    commit: async (access, ...rest) => sourceOf(access).commit(access, ...rest),
    rawCommit: async (access, ...rest) => sourceOf(access).rawCommit(access, ...rest),
    tree: async (access, ...rest) => sourceOf(access).tree(access, ...rest),
    blob: async (access, ...rest) => sourceOf(access).blob(access, ...rest),
  };
}

const gitId = (type: string, bytes: Buffer): string => createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
const sortName = ({ name, type }: TreeEntry): string => (type === 'tree' ? `${name}/` : name);
