// Git's wire protocol, version 2: the requests that are sent and how their answers are read. No I/O.
// Source: gitprotocol-v2(5), gitprotocol-common(5).
import type { Ref } from '../source/source.ts';

export type Packet = { readonly kind: 'data'; readonly data: Buffer } | { readonly kind: 'flush' | 'delimiter' | 'end' };

/** What the host said instead of an answer, in its own words. */
export class GitHostRefusal extends Error {
  override readonly name = 'GitHostRefusal';
}

/** The answer ends too early: the connection broke or the host's process died. */
export class GitAnswerCut extends Error {
  override readonly name = 'GitAnswerCut';
}

/** Whoever answered does not speak Git's protocol. */
export class NotGit extends Error {
  override readonly name = 'NotGit';
}

export type Advertisement =
  | { readonly version: 2; readonly objectFormat: string; readonly announcesObjectFormat: boolean }
  | { readonly version: 1; readonly refs: readonly Ref[] };

const anyId = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const flush = '0000';
const delimiter = '0001';
const agent = 'agent=sluice';
const line = (text: string): string => `${(Buffer.byteLength(text) + 5).toString(16).padStart(4, '0')}${text}\n`;

const opening = (command: string, announcesObjectFormat: boolean): string =>
  [line(`command=${command}`), line(agent), ...(announcesObjectFormat ? [line('object-format=sha1')] : []), delimiter].join('');

export function listRefsRequest(prefixes: readonly string[], announcesObjectFormat: boolean): string {
  return [opening('ls-refs', announcesObjectFormat), line('peel'), ...prefixes.map((prefix) => line(`ref-prefix ${prefix}`)), flush].join('');
}

export type FetchRequest = {
  readonly want: string;
  readonly haves: readonly string[];
  readonly shallow: readonly string[];
  readonly depth: number | undefined;
};

/** One round: what we have is stated, and `done` asks for the pack at once. Thin: deltas may rest on objects that we have. */
export function fetchRequest({ want, haves, shallow, depth }: FetchRequest, announcesObjectFormat: boolean): string {
  return [
    opening('fetch', announcesObjectFormat),
    ...['thin-pack', 'ofs-delta', 'no-progress', `want ${want}`].map(line),
    ...shallow.map((id) => line(`shallow ${id}`)),
    ...(depth === undefined ? [] : [line(`deepen ${depth}`)]),
    ...haves.map((id) => line(`have ${id}`)),
    line('done'),
    flush,
  ].join('');
}

/** Cuts a body into packets, whatever its chunks are. */
export async function* packetsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Packet> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let start = 0;
    while (rest.length - start >= 4) {
      const length = lengthOf(rest.toString('latin1', start, start + 4));
      if (length < 4) {
        yield { kind: length === 0 ? 'flush' : length === 1 ? 'delimiter' : 'end' };
        start += 4;
        continue;
      }
      if (rest.length - start < length) break;
      const data = rest.subarray(start + 4, start + length);
      if (data.toString('latin1', 0, 4) === 'ERR ') throw new GitHostRefusal(oneLine(data.toString('utf8', 4)));
      yield { kind: 'data', data };
      start += length;
    }
    rest = rest.subarray(start);
  }
  if (rest.length > 0) throw new GitAnswerCut('the answer ends in the middle of a packet');
}

function lengthOf(digits: string): number {
  const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 3;
  if (length === 3) throw new NotGit("the answer is not in Git's wire format");
  return length;
}

/** What a host says of itself at info/refs; a host that does not know version 2 lists its refs at once. */
export async function readAdvertisement(packets: AsyncIterable<Packet>): Promise<Advertisement> {
  const lines = (await linesUntilEnd(packets)).filter((text) => !text.startsWith('# service='));
  if (lines[0] !== 'version 2') return { version: 1, refs: refsOfVersion1(lines) };
  const objectFormat = lines.find((text) => text.startsWith('object-format='))?.slice('object-format='.length);
  return { version: 2, objectFormat: objectFormat ?? 'sha1', announcesObjectFormat: objectFormat !== undefined };
}

/** `<id> <name>[ peeled:<id>]` each; a ref that points to another (HEAD) is a ref like the others. */
export async function readListedRefs(packets: AsyncIterable<Packet>): Promise<readonly Ref[]> {
  return (await linesUntilEnd(packets)).flatMap((text) => {
    const [id = '', name = '', ...attributes] = text.split(' ');
    const peeled = attributes.find((attribute) => attribute.startsWith('peeled:'))?.slice('peeled:'.length);
    if (id === 'unborn') return [];
    if (!anyId.test(id)) throw new NotGit('the answer lists no refs');
    return [{ name, commit: peeled ?? id }];
  });
}

/** Reads a fetch's answer and hands the pack's bytes on as they come. Output: the commits whose parents were not sent, and those that no longer lack them. */
export async function readFetched(
  packets: AsyncIterable<Packet>,
  onPack: (bytes: Buffer) => Promise<void>,
): Promise<{ readonly shallow: readonly string[]; readonly unshallow: readonly string[] }> {
  const shallow: string[] = [];
  const unshallow: string[] = [];
  let section = '';
  for await (const packet of packets) {
    if (packet.kind === 'flush' && section === 'packfile') return { shallow, unshallow };
    if (packet.kind === 'delimiter') section = '';
    if (packet.kind !== 'data') continue;
    if (section === 'packfile') {
      await bandOf(packet.data, onPack);
      continue;
    }
    const text = packet.data.toString('utf8').trimEnd();
    if (section === '') section = text;
    else if (text.startsWith('shallow ')) shallow.push(text.slice('shallow '.length));
    else if (text.startsWith('unshallow ')) unshallow.push(text.slice('unshallow '.length));
  }
  throw new GitAnswerCut('the answer ends before the pack does');
}

async function bandOf(data: Buffer, onPack: (bytes: Buffer) => Promise<void>): Promise<void> {
  const band = data[0];
  if (band === 1) await onPack(data.subarray(1));
  if (band === 3) throw new GitHostRefusal(oneLine(data.toString('utf8', 1)));
}

async function linesUntilEnd(packets: AsyncIterable<Packet>): Promise<readonly string[]> {
  const lines: string[] = [];
  let ended = false;
  for await (const packet of packets) {
    ended = packet.kind === 'flush';
    if (packet.kind === 'data') lines.push(packet.data.toString('utf8').trimEnd());
  }
  if (!ended) throw new GitAnswerCut('the answer ends too early');
  return lines;
}

function refsOfVersion1(lines: readonly string[]): readonly Ref[] {
  const listed = lines
    .map((text) => text.split('\0')[0] ?? '')
    .map((text) => ({ commit: text.slice(0, text.indexOf(' ')), name: text.slice(text.indexOf(' ') + 1) }));
  if (listed.some(({ commit }) => !anyId.test(commit))) throw new NotGit('the answer lists no refs');
  const peeled = new Map(listed.filter(({ name }) => name.endsWith('^{}')).map(({ name, commit }) => [name.slice(0, -'^{}'.length), commit]));
  return listed.filter(({ name }) => !name.endsWith('^{}')).map(({ name, commit }) => ({ name, commit: peeled.get(name) ?? commit }));
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 300);
