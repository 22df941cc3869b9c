import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { Agent, type Dispatcher, request } from 'undici';
import { PortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { EnvironmentBranch, Push, PushOutcome } from '../promotion/environment-branch.ts';
import type { RepositoryAccess } from '../source/source.ts';
import { authorizationOf, gitPortError, retryAfterMsOf, withoutCredentials } from './git-http.ts';

export type ReceivePackOptions = {
  /** For each request to the host; a push makes two at most. */
  readonly timeoutMs: number;
  /** Proxy, CA and limits of the process; without it a pool of its own. */
  readonly dispatcher?: Dispatcher;
};

/** Environment branches and notes over Git's smart HTTP protocol: one receive-pack command with a pack of one commit, some 700 bytes, and of what it needs. */
export function openGitReceivePack({ timeoutMs, dispatcher }: ReceivePackOptions): EnvironmentBranch & AsyncDisposable {
  const pool = dispatcher ?? new Agent({ connections: 8, keepAliveTimeout: 30_000 });
  return {
    async push(push, signal) {
      const ask: Ask = (path, sent) => askHost(push.access, path, sent, { dispatcher: pool, timeoutMs, signal });
      const report = parseReport(await ask('git-receive-pack', commandOf(push)), push.ref);
      if (report === undefined) throw notGit(push.access, 'its answer to the push is no receive-pack report');
      return report.accepted ? { outcome: 'pushed' } : outcomeOfRejection(push, report.reason, await readHead(push, ask));
    },
    async [Symbol.asyncDispose]() {
      if (dispatcher === undefined) await pool.close();
    },
  };
}

type Ask = (path: string, sent?: Buffer) => Promise<Buffer>;
type Report = { readonly accepted: true } | { readonly accepted: false; readonly reason: string };

const newBranch = '0'.repeat(40);

// side-band-64k, because only there does the host say *why* its hook declined.
function commandOf({ ref, commit, objects = [], expectedHead }: Push): Buffer {
  const command = `${expectedHead ?? newBranch} ${commit.id} ${ref}\0report-status side-band-64k agent=sluice`;
  return Buffer.concat([packetLine(command), Buffer.from('0000'), packOf([{ type: 'commit', bytes: commit.bytes }, ...objects])]);
}

type PackedObject = { readonly type: keyof typeof packTypes; readonly bytes: Uint8Array };

const packTypes = { commit: 1, tree: 2, blob: 3 } as const;

/** A pack, version 2, of whole objects: header, each object's type and length and its deflated content, the SHA-1 of all that. Source: gitformat-pack(5). */
function packOf(objects: readonly PackedObject[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(objects.length);
  const entries = objects.flatMap(({ type, bytes }) => [entryHeader(packTypes[type], bytes.length), deflateSync(bytes)]);
  const content = Buffer.concat([Buffer.from('PACK\0\0\0\u0002', 'latin1'), count, ...entries]);
  return Buffer.concat([content, createHash('sha1').update(content).digest()]);
}

// The type in bits 4-6 of the first byte, the length's lowest four bits below; seven more bits in each following byte.
function entryHeader(type: number, length: number): Buffer {
  const bytes = [(type << 4) | (length & 0b1111)];
  for (let rest = Math.floor(length / 16); rest > 0; rest = Math.floor(rest / 128)) bytes.push(rest & 0x7f);
  return Buffer.from(bytes.map((byte, index) => (index < bytes.length - 1 ? byte | 0x80 : byte)));
}

function packetLine(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
}

/** The packets of an answer, flushes left out; undefined when it is cut off or no packets at all. */
function packetsOf(body: Buffer): readonly Buffer[] | undefined {
  const packets: Buffer[] = [];
  for (let offset = 0; offset < body.length; ) {
    const length = body.toString('latin1', offset, offset + 4);
    if (!/^[0-9a-f]{4}$/i.test(length)) return undefined;
    const size = Number.parseInt(length, 16);
    if (offset + size > body.length) return undefined;
    if (size >= 4) packets.push(body.subarray(offset + 4, offset + size));
    offset += Math.max(size, 4);
  }
  return packets;
}

function parseReport(body: Buffer, ref: string): Report | undefined {
  const packets = packetsOf(body);
  if (packets === undefined || packets.length === 0) return undefined;
  if (packets[0]?.toString('latin1', 0, 4) === 'ERR ') return { accepted: false, reason: spoken(packets[0].subarray(4)) };

  // A host may ignore side-band-64k; then the report stands there itself.
  const multiplexed = packets.every((packet) => [1, 2, 3].includes(packet[0] ?? 0));
  const band = (number: number): Buffer => Buffer.concat(packets.filter((packet) => packet[0] === number).map((packet) => packet.subarray(1)));
  const fatal = multiplexed ? spoken(band(3)) : '';
  if (fatal !== '') return { accepted: false, reason: fatal };

  const lines = (multiplexed ? packetsOf(band(1)) : packets)?.map((packet) => packet.toString().trimEnd());
  const unpack = lines?.find((line) => line.startsWith('unpack '))?.slice('unpack '.length);
  const command = lines?.find((line) => line === `ok ${ref}` || line.startsWith(`ng ${ref} `));
  if (unpack === undefined || (unpack === 'ok' && command === undefined)) return undefined;
  if (unpack === 'ok' && command === `ok ${ref}`) return { accepted: true };

  const reason = unpack === 'ok' ? (command ?? '').slice(`ng ${ref} `.length) : `unpack ${unpack}`;
  const remark = multiplexed ? spoken(band(2)) : '';
  return { accepted: false, reason: spoken(Buffer.from(remark === '' ? reason : `${reason}: ${remark}`)) };
}

/** The host's own words, on one line and not too many of them. */
const spoken = (bytes: Buffer): string =>
  bytes
    .toString()
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, 500);

const sha256 = 'it is a SHA-256 repository, which Sluice cannot use; use a SHA-1 one';

async function readHead({ access, ref }: Push, ask: Ask): Promise<string | undefined> {
  const packets = packetsOf(await ask('info/refs?service=git-receive-pack'));
  const lines = packets?.map((packet) => packet.toString().trimEnd());
  if (lines?.[0] !== '# service=git-receive-pack') throw notGit(access, 'it advertises no refs');
  if (lines.some((line) => /\0.*\bobject-format=sha256/.test(line))) throw notGit(access, sha256);
  const refs = lines.slice(1).map((line) => line.split('\0')[0] ?? '');
  return refs.find((line) => line.slice(41) === ref)?.slice(0, 40);
}

// What hosts say when the branch moved between their look and their write; with the head where we expected it, another try may pass.
const lostRace = /failed to update ref|cannot lock ref|failed to lock|already exists|incorrect old value|stale info|fetch first|non-fast-forward/i;

function outcomeOfRejection({ access, ref, expectedHead }: Push, reason: string, head: string | undefined): PushOutcome {
  if (head !== expectedHead) return { outcome: 'moved', head };
  if (lostRace.test(reason)) {
    const message = `Repository ${referenceText(access.repository)}: ${ref} was busy (${reason}); it is pushed again`;
    throw new PortError('environment-branch', 'CONFLICT', message, { cause: new Error(reason) });
  }
  const advice = settings.find(({ said }) => said.test(reason))?.change ?? `Let Sluice's account push merge commits to ${ref}.`;
  return { outcome: 'refused', reason: `the Git host refuses ${ref}: ${reason}. ${advice.replaceAll('REF', ref)}` };
}

// The first that fits: the narrower setting before the general one.
const settings: readonly { readonly said: RegExp; readonly change: string }[] = [
  {
    said: /^unpack |missing necessary objects|shallow/i,
    change: "The host lacks the Release's commit, or could not store the new one: see that the source branch was not rewritten.",
  },
  { said: /linear|merge commit/i, change: 'Turn off "require linear history" for REF: a promotion is a merge commit.' },
  {
    said: /sign(ed|ature|ing)|GPG/i,
    change: "Register the hub's public key as a signing key of Sluice's account, or do not require signed commits on REF.",
  },
  {
    said: /status check|pull request|merge request|review/i,
    change: "Let Sluice's account bypass required checks and reviews on REF, or record promotions as pullRequest.",
  },
  { said: /committer|author|e-?mail/i, change: "Add the e-mail address of Sluice's commits to Sluice's account, or let REF accept any address." },
  { said: /protected|GH006|GH013|not allowed|permission/i, change: "Let Sluice's account push to REF, in the host's branch protection." },
];

type Connection = { readonly dispatcher: Dispatcher; readonly timeoutMs: number; readonly signal: AbortSignal };

async function askHost(access: RepositoryAccess, path: string, sent: Buffer | undefined, { dispatcher, timeoutMs, signal }: Connection): Promise<Buffer> {
  const url = `${withoutCredentials(access.url)}/${path}`;
  if (!/^https?:/.test(url)) throw notGit(access, 'promotions are pushed over http or https; change spec.url');
  const authorization = authorizationOf(access);
  const headers = {
    'user-agent': 'git/sluice', // some hosts answer Git clients only
    ...(authorization === undefined ? {} : { authorization }),
    ...(sent === undefined ? {} : { 'content-type': 'application/x-git-receive-pack-request', accept: 'application/x-git-receive-pack-result' }),
  };
  const waiting = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const answer = await request(url, { method: sent === undefined ? 'GET' : 'POST', body: sent ?? null, headers, dispatcher, signal: waiting });
    const body = await readAll(answer.body, access);
    if (answer.statusCode === 200 && String(answer.headers['content-type']).startsWith('application/x-git-receive-pack-')) return body;
    if (answer.statusCode === 200) throw notGit(access, `it answers ${String(answer.headers['content-type'] ?? 'something')}`);
    const detail = String(answer.headers['content-type']).startsWith('text/plain') ? spoken(body) : '';
    throw gitPortError('environment-branch', access, answer.statusCode, detail, retryAfterMsOf(answer.headers['retry-after'], new Date()));
  } catch (error) {
    if (error instanceof PortError) throw error;
    if (signal.aborted && !(signal.reason instanceof Error && signal.reason.name === 'TimeoutError')) throw signal.reason;
    throw gitPortError('environment-branch', access, waiting.aborted ? waiting.reason : error);
  }
}

// A repository's refs are about 70 bytes each: this is half a million of them.
const maxAnswerBytes = 32 * 1024 * 1024;

async function readAll(body: AsyncIterable<Uint8Array>, access: RepositoryAccess): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw notGit(access, `its answer is larger than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function notGit(access: RepositoryAccess, reason: string): PortError {
  const message = `Repository ${referenceText(access.repository)} (${withoutCredentials(access.url)}): ${reason}`;
  return new PortError('environment-branch', 'INVALID', message, { cause: undefined });
}
