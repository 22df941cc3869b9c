import { describe, expect, it } from 'vitest';
import {
  fetchRequest,
  GitAnswerCut,
  GitHostRefusal,
  listRefsRequest,
  NotGit,
  packetsOf,
  readAdvertisement,
  readFetched,
  readListedRefs,
} from '../../src/adapters/git-wire.ts';

const one = '1'.repeat(40);
const two = '2'.repeat(40);
const packet = (text: string): string => `${(Buffer.byteLength(text, 'latin1') + 4).toString(16).padStart(4, '0')}${text}`;

/** The body in chunks of the given size. */
async function* body(text: string, chunkBytes = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text, 'latin1');
  for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes);
}

const packets = (text: string, chunkBytes?: number) => packetsOf(body(text, chunkBytes));

describe('requests', () => {
  it('asks for refs below prefixes with their peeled tags', () => {
    expect(listRefsRequest(['refs/heads/main'], true)).toBe(
      `${packet('command=ls-refs\n')}${packet('agent=sluice\n')}${packet('object-format=sha1\n')}0001${packet('peel\n')}${packet('ref-prefix refs/heads/main\n')}0000`,
    );
  });

  it('states what is had and asks for the pack at once', () => {
    const lines = ['thin-pack', 'ofs-delta', 'no-progress', `want ${one}`, `shallow ${two}`, 'deepen 1', `have ${two}`, 'done'];

    expect(fetchRequest({ want: one, haves: [two], shallow: [two], depth: 1 }, false)).toBe(
      `${packet('command=fetch\n')}${packet('agent=sluice\n')}0001${lines.map((line) => packet(`${line}\n`)).join('')}0000`,
    );
  });
});

describe('answers', () => {
  it.each([1, 3, 64, 1000])('are read whatever the chunks are: %d bytes', async (chunkBytes) => {
    const text = `${packet(`${one} refs/heads/main\n`)}${packet(`${two} refs/tags/v1 peeled:${one}\n`)}${packet('unborn HEAD symref-target:refs/heads/main\n')}0000`;

    expect(await readListedRefs(packets(text, chunkBytes))).toEqual([
      { name: 'refs/heads/main', commit: one },
      { name: 'refs/tags/v1', commit: one },
    ]);
  });

  it.each([
    {
      what: 'version 2',
      text: `${packet('# service=git-upload-pack\n')}0000${packet('version 2\n')}${packet('ls-refs=unborn\n')}${packet('object-format=sha1\n')}0000`,
      is: { version: 2, objectFormat: 'sha1', announcesObjectFormat: true },
    },
    {
      what: 'version 2 without a service line',
      text: `${packet('version 2\n')}${packet('fetch\n')}0000`,
      is: { version: 2, objectFormat: 'sha1', announcesObjectFormat: false },
    },
    {
      what: 'SHA-256',
      text: `${packet('version 2\n')}${packet('object-format=sha256\n')}0000`,
      is: { version: 2, objectFormat: 'sha256', announcesObjectFormat: true },
    },
    {
      what: 'version 1',
      text: `${packet('# service=git-upload-pack\n')}0000${packet(`${one} HEAD\0multi_ack thin-pack\n`)}${packet(`${two} refs/tags/v1\n`)}${packet(`${one} refs/tags/v1^{}\n`)}0000`,
      is: {
        version: 1,
        refs: [
          { name: 'HEAD', commit: one },
          { name: 'refs/tags/v1', commit: one },
        ],
      },
    },
  ])('tell $what', async ({ text, is }) => {
    expect(await readAdvertisement(packets(text))).toEqual(is);
  });

  it('hand the pack on and tell where history ends', async () => {
    const text = `${packet('shallow-info\n')}${packet(`shallow ${one}\n`)}${packet(`unshallow ${two}\n`)}0001${packet('packfile\n')}${packet('\x02Counting\n')}${packet('\x01PA')}${packet('\x01CK')}0000`;
    const pack: string[] = [];

    expect(await readFetched(packets(text), async (bytes) => void pack.push(bytes.toString()))).toEqual({ shallow: [one], unshallow: [two] });
    expect(pack.join('')).toBe('PACK');
  });

  const ignore = async (): Promise<void> => {};

  it.each([
    { what: 'an error packet', text: packet('ERR upload-pack: not our ref 123\n'), error: GitHostRefusal, says: 'not our ref 123' },
    { what: 'an error band', text: `${packet('packfile\n')}${packet('\x03out of\nmemory')}`, error: GitHostRefusal, says: 'out of memory' },
    { what: 'a pack that stops', text: `${packet('packfile\n')}${packet('\x01PA')}`, error: GitAnswerCut, says: 'ends before the pack does' },
    { what: 'half a packet', text: '0009pa', error: GitAnswerCut, says: 'in the middle of a packet' },
    { what: 'a page for people', text: '<html><body>Sign in</body></html>', error: NotGit, says: 'wire format' },
    { what: 'a length that cannot be', text: '0003', error: NotGit, says: 'wire format' },
  ])('refuse $what', async ({ text, error, says }) => {
    const reading = readFetched(packets(text), ignore);

    await expect(reading).rejects.toThrow(error);
    await expect(reading).rejects.toThrow(says);
  });
});
