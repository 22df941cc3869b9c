import { PortError } from '../../src/model/port-error.ts';
import type { EnvironmentBranch, ReadRawCommit } from '../../src/promotion/environment-branch.ts';
import { commitId } from '../../src/promotion/record.ts';

export type FakeEnvironmentBranch = {
  readonly branch: EnvironmentBranch;
  /** Heads by ref. */
  readonly heads: ReadonlyMap<string, string>;
  readonly readRawCommit: ReadRawCommit;
  /** Puts a commit on the host, as a fetch of the source branch or a push by a person would have. */
  addCommit(bytes: Uint8Array, ref?: string): string;
  addTree(id: string): void;
  /** The host's rules decline pushes to the ref. */
  protect(ref: string, reason: string): void;
  /** The next push happens, and its answer is lost. */
  loseNextAnswer(): void;
  /** Every push that was asked for, whatever its outcome. */
  readonly pushes: readonly { readonly ref: string; readonly commit: string; readonly expectedHead: string | undefined }[];
};

/** Environment branches of one repository, in memory. Keeps the promises of the contract test. */
export function fakeEnvironmentBranch(): FakeEnvironmentBranch {
  const heads = new Map<string, string>();
  const commits = new Map<string, Uint8Array>();
  const trees = new Set<string>();
  const rules = new Map<string, string>();
  const pushes: { readonly ref: string; readonly commit: string; readonly expectedHead: string | undefined }[] = [];
  let losing = false;

  const isComplete = (bytes: Uint8Array): boolean => {
    const [headers = ''] = Buffer.from(bytes).toString().split('\n\n');
    const ids = [...headers.matchAll(/^(tree|parent) ([0-9a-f]{40})$/gm)];
    return ids.every(([, kind, id = '']) => (kind === 'tree' ? trees.has(id) : commits.has(id)));
  };

  return {
    heads,
    pushes,
    branch: {
      async push({ ref, commit, expectedHead }, signal) {
        signal.throwIfAborted();
        pushes.push({ ref, commit: commit.id, expectedHead });
        if (heads.get(ref) !== expectedHead) return { outcome: 'moved', head: heads.get(ref) };
        const rule = rules.get(ref);
        if (rule !== undefined) return { outcome: 'refused', reason: rule };
        if (!isComplete(commit.bytes)) return { outcome: 'refused', reason: 'missing necessary objects' };
        commits.set(commit.id, commit.bytes);
        heads.set(ref, commit.id);
        if (!losing) return { outcome: 'pushed' };
        losing = false;
        throw new PortError('environment-branch', 'TIMEOUT', 'the Git host did not answer in time', { cause: undefined });
      },
    },
    async readRawCommit(_access, id) {
      const bytes = commits.get(id);
      if (bytes === undefined) throw new PortError('source', 'NOT_FOUND', `commit ${id} is not there`, { cause: undefined });
      return bytes;
    },
    addCommit(bytes, ref) {
      const id = commitId(bytes);
      commits.set(id, bytes);
      if (ref !== undefined) heads.set(ref, id);
      return id;
    },
    addTree(id) {
      trees.add(id);
    },
    protect(ref, reason) {
      rules.set(ref, reason);
    },
    loseNextAnswer() {
      losing = true;
    },
  };
}
