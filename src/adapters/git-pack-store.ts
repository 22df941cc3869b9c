import fs from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import git from 'isomorphic-git';
import type { RepositoryAccess } from '../source/source.ts';
import type { GitObject, ObjectStore } from './git-objects.ts';
import type { UploadPack } from './git-upload-pack.ts';
import type { FetchRequest } from './git-wire.ts';

export type Received = { readonly receivedBytes: number; readonly shallow: readonly string[]; readonly unshallow: readonly string[] };

/** Objects of one repository that can be added to from its host. */
export type FetchingStore = ObjectStore & {
  fetch(access: RepositoryAccess, wanted: FetchRequest, maxBytes: number, signal: AbortSignal): Promise<Received>;
  packs(): number;
  close(): Promise<void>;
};

type Settings = {
  readonly folder: string;
  readonly uploadPack: UploadPack;
  readonly oneAtATime: <T>(run: () => Promise<T>) => Promise<T>;
  readonly cacheIdleMs: number;
};

// Below this, a fetch's objects are written one by one as well, see `loosen`.
const fewObjects = 200;

/** Packs in a folder of our own, indexed and read by isomorphic-git. */
export async function openPackStore({ folder, uploadPack, oneAtATime, cacheIdleMs }: Settings): Promise<FetchingStore> {
  const packFolder = join(folder, 'objects', 'pack');
  const incoming = join(folder, 'incoming');
  await mkdir(packFolder, { recursive: true });
  await mkdir(incoming, { recursive: true });
  let cache = {};
  let packs = 0;
  let downloads = 0;
  let idle: NodeJS.Timeout | undefined;

  // isomorphic-git keeps whole packs and their indexes in its cache: they are let go when nobody has read for a while.
  function keepCacheAWhile(): void {
    if (idle === undefined) {
      idle = setTimeout(() => {
        cache = {};
        idle = undefined;
      }, cacheIdleMs);
      idle.unref();
    } else idle.refresh();
  }

  /** The pack and its index appear under their final names only when both are whole, the index last: a reader goes by the index. */
  async function add(file: string, checksum: string, objects: number): Promise<void> {
    const { oids } = await git.indexPack({ fs, dir: folder, gitdir: folder, filepath: file.slice(folder.length + 1), cache });
    if (oids.length !== objects) throw new Error(`the pack holds ${objects} objects, of which ${oids.length} can be read`);
    const name = join(packFolder, `pack-${checksum}`);
    await rename(file, `${name}.pack`);
    await rename(file.replace(/\.pack$/, '.idx'), `${name}.idx`);
    packs += 1;
    if (objects <= fewObjects) for (const id of oids) await loosen(id);
  }

  /**
   * Writes an object of a thin pack out whole. Its delta rests on the object of the fetch before, and so on: after 60 pushes to one folder
   * reading its tree took 70 ms (measured), each step looking through all packs; whole, it is found first and the next delta rests on it.
   */
  async function loosen(id: string): Promise<void> {
    const { type, bytes } = await readHere(id);
    const file = join(folder, 'objects', id.slice(0, 2), id.slice(2));
    const unfinished = join(incoming, id);
    await writeFile(unfinished, await promisify(deflate)(Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes]), { level: 1 }));
    await mkdir(dirname(file), { recursive: true });
    await rename(unfinished, file);
  }

  async function readHere(id: string): Promise<GitObject> {
    const { type, object } = await git.readObject({ fs, gitdir: folder, oid: id, format: 'content', cache });
    if (type === undefined || !Buffer.isBuffer(object)) throw new Error(`object ${id} cannot be read`);
    return { type, bytes: object };
  }

  return {
    async read(id) {
      keepCacheAWhile();
      try {
        return await readHere(id);
      } catch (error) {
        if (isMissing(error, id)) return undefined;
        throw error;
      }
    },
    async fetch(access, wanted, maxBytes, signal) {
      downloads += 1;
      const file = join(incoming, `${downloads}.pack`);
      const { pack, receivedBytes, shallow, unshallow } = await uploadPack.download(access, wanted, { file, maxBytes }, signal);
      if (pack.objects === 0) await rm(file);
      else await oneAtATime(async () => add(file, pack.checksum, pack.objects)); // indexing holds the pack in memory
      return { receivedBytes, shallow, unshallow };
    },
    packs: () => packs,
    async close() {
      clearTimeout(idle);
      cache = {};
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// A delta whose base is missing names the base: that is damage, not an object that was never here.
function isMissing(error: unknown, id: string): boolean {
  return error instanceof git.Errors.NotFoundError && error.data.what === id;
}
