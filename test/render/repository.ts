import { createHash } from 'node:crypto';
import { PortError } from '../../src/model/port-error.ts';
import { maxFileBytes } from '../../src/source/files.ts';
import type { Files, TreeEntry } from '../../src/source/source.ts';

export type Content = string | Uint8Array | { readonly link: string } | { readonly submodule: string };
export type Repository = Readonly<Record<string, Content>>;

export type Counted = Files & { readonly reads: { blobs: number; lists: number } };

/** Git's own ids, so that equal content has equal ids at every commit. */
const idOf = (type: string, bytes: string | Uint8Array): string => createHash('sha1').update(type).update(bytes).digest('hex');

type Node = { readonly entry: TreeEntry; readonly bytes?: Uint8Array; readonly children?: ReadonlyMap<string, Node> };

/** One commit's files from a list of paths; as the real ones, links are not followed and nothing outside can be named. */
export function filesOf(repository: Repository): Counted {
  const root = folder(
    '',
    Object.entries(repository).map(([path, content]) => ({ parts: path.split('/'), content })),
  );
  const reads = { blobs: 0, lists: 0 };

  function find(path: string): Node | undefined {
    const parts: string[] = [];
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue;
      if (part !== '..') parts.push(part);
      else if (parts.pop() === undefined) return undefined;
    }
    return parts.reduce<Node | undefined>((node, part) => node?.children?.get(part), root);
  }

  return {
    reads,
    tree: root.entry.id,
    entry: async (path) => find(path)?.entry,
    async list(path) {
      reads.lists++;
      const children = find(path)?.children;
      return children === undefined ? undefined : [...children.values()].map(({ entry }) => entry);
    },
    async read(path) {
      reads.blobs++;
      const bytes = find(path)?.bytes;
      if (bytes !== undefined && bytes.byteLength > maxFileBytes)
        throw new PortError('source', 'INVALID', 'too large', { cause: undefined, details: { name: path } });
      return bytes;
    },
  };
}

function folder(name: string, contents: readonly { readonly parts: readonly string[]; readonly content: Content }[]): Node {
  const groups = Map.groupBy(contents, ({ parts }) => parts[0] ?? '');
  const children = new Map(
    [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([part, group]) => {
        const [only] = group;
        const isLeaf = group.length === 1 && only?.parts.length === 1;
        return [
          part,
          isLeaf
            ? leaf(part, only.content)
            : folder(
                part,
                group.map(({ parts, content }) => ({ parts: parts.slice(1), content })),
              ),
        ] as const;
      }),
  );
  const id = idOf('tree', [...children.values()].map(({ entry }) => `${entry.type} ${entry.name} ${entry.id}\n`).join(''));
  return { entry: { name, type: 'tree', id }, children };
}

function leaf(name: string, content: Content): Node {
  if (typeof content === 'object' && 'link' in content) return { entry: { name, type: 'symlink', id: idOf('blob', content.link) } };
  if (typeof content === 'object' && 'submodule' in content) return { entry: { name, type: 'submodule', id: idOf('commit', content.submodule) } };
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return { entry: { name, type: 'blob', id: idOf('blob', bytes) }, bytes };
}

export const configMap = (name: string, data: Readonly<Record<string, string>> = {}, namespace?: string): string =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, data })}\n`;

export const lfsPointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
