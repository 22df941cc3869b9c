import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { GitAnswerCut } from './git-wire.ts';

/** The pack is larger than the limit; what was written of it is gone. */
class PackTooLarge extends Error {
  override readonly name = 'PackTooLarge';
}

export type PackFile = { readonly file: string; readonly checksum: string; readonly objects: number };

const checksumBytes = 20;
const headerBytes = 12;

/** Writes a pack as it arrives, never more than `maxBytes`, and checks its checksum at the end. Source: gitformat-pack(5). */
export async function openPackFile(file: string, maxBytes: number) {
  const handle = await open(file, 'wx');
  const hash = createHash('sha1');
  let head: Buffer = Buffer.alloc(0);
  let tail: Buffer = Buffer.alloc(0);
  let written = 0;

  return {
    async write(bytes: Buffer): Promise<void> {
      written += bytes.length;
      if (written > maxBytes) throw new PackTooLarge(`the pack is larger than ${maxBytes} bytes`);
      if (head.length < headerBytes) head = Buffer.concat([head, bytes.subarray(0, headerBytes - head.length)]);
      const both = Buffer.concat([tail, bytes]);
      const hashed = Math.max(0, both.length - checksumBytes);
      hash.update(both.subarray(0, hashed));
      tail = both.subarray(hashed);
      await handle.write(bytes);
    },
    async finish(): Promise<PackFile> {
      await handle.close();
      const checksum = tail.toString('hex');
      if (head.length < headerBytes || hash.digest('hex') !== checksum) throw new GitAnswerCut('the pack that the host sent is damaged');
      return { file, checksum, objects: head.readUInt32BE(8) };
    },
    async discard(): Promise<void> {
      await handle.close();
      await rm(file, { force: true });
    },
  };
}
