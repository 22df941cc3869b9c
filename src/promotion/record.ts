import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { accepted, describeProblems, type Parsed, refused } from '../model/parsed.ts';
import { type Reference, referenceText, sameReference } from '../model/reference.ts';
import { type SigningKey, sshPublicKey, sshString } from './signing-key.ts';
import { type AdmissionRecord, parseTrailers, type RecordTrailers, recordMessage } from './trailers.ts';

/** Who makes the commits. The e-mail address is the principal in an allowed_signers file. */
export type Signer = { readonly key: SigningKey; readonly name: string; readonly email: string };

/** A Git commit object: its SHA-1 id and its content, without the object's header. */
export type CommitObject = { readonly id: string; readonly bytes: Uint8Array };

/** What a commit says of itself. `signed` is what its signature covers. */
type CommitParts = {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly signature: string | undefined;
  readonly signed: Buffer;
};

export type HeadExpectation = {
  /** Every key whose commits count, so that a key can be changed. */
  readonly publicKeys: readonly KeyObject[];
  readonly pipeline: Reference;
  readonly stage: string;
  /** The last head that was ours; undefined when the branch is new. */
  readonly previousHead: string | undefined;
  /** The commit that `Sluice-Revision` names, and its tree as the repository holds it. */
  readonly release: { readonly revision: string; readonly tree: string };
};

export type HeadOwner =
  | { readonly owner: 'ours'; readonly id: string; readonly record: RecordTrailers }
  | { readonly owner: 'foreign'; readonly id: string; readonly why: string };

/**
 * The signed commit that records an admission. The same record and signer give the same bytes, and so the same id.
 * Its tree is the Release's, its parents are the branch's head (when there is one) and the Release's commit.
 */
export function commitOf(record: AdmissionRecord, signer: Signer): CommitObject {
  const parents = [...(record.head === undefined ? [] : [record.head]), record.release.revision];
  return signedCommit({ tree: record.release.tree, parents, at: record.decidedAt, message: recordMessage(record) }, signer);
}

/** A commit that the signer's key has signed, the same for the same content. `tree` and `parents` are full ids; the time counts in whole seconds. */
export function signedCommit(
  content: { readonly tree: string; readonly parents: readonly string[]; readonly at: Date; readonly message: string },
  signer: Signer,
): CommitObject {
  const person = `${identityText(signer)} ${Math.floor(content.at.getTime() / 1000)} +0000`;
  const headers = [
    `tree ${fullId(content.tree)}`,
    ...content.parents.map((parent) => `parent ${fullId(parent)}`),
    `author ${person}`,
    `committer ${person}`,
  ].join('\n');

  const signature = sign(null, signedData(Buffer.from(`${headers}\n\n${content.message}`)), signer.key.privateKey);
  const bytes = Buffer.from(`${headers}\n${signatureHeader}${armour(signer.key.publicKey, signature).replaceAll('\n', '\n ')}\n\n${content.message}`);
  return { id: commitId(bytes), bytes };
}

export const commitId = (bytes: Uint8Array): string => createHash('sha1').update(`commit ${bytes.length}\0`).update(bytes).digest('hex');

/** The tree that a raw commit names. */
export function treeOfCommit(bytes: Uint8Array): Parsed<string> {
  const commit = partsOf(bytes);
  return commit === undefined ? refused({ at: `commit ${commitId(bytes)}`, message: 'is no commit of a SHA-1 repository' }) : accepted(commit.tree);
}

/** Does the commit carry an SSH signature of this Ed25519 key over all of it? False for whatever is no such commit. */
export function verifyCommit(bytes: Uint8Array, publicKey: KeyObject): boolean {
  const commit = partsOf(bytes);
  if (commit?.signature === undefined) return false;
  const signature = Buffer.from(commit.signature.replace(/-----[A-Z ]+-----/g, ''), 'base64').subarray(-signatureLength);
  // Built again rather than taken apart: another key, namespace, hash or spelling can then not slip in.
  return commit.signature === armour(publicKey, signature) && verify(null, signedData(commit.signed), publicKey, signature);
}

/** What a commit records, when one of the keys signed it; whether it is the head that was expected is `classifyHead`'s question. */
export function signedRecordOf(bytes: Uint8Array, publicKeys: readonly KeyObject[]): Parsed<RecordTrailers> {
  const content = signedContentOf(bytes, publicKeys);
  return content.ok ? parseTrailers(content.value.message) : content;
}

/** A commit's tree and message, when one of the keys signed it. What it was signed for, the message has to say. */
export function signedContentOf(bytes: Uint8Array, publicKeys: readonly KeyObject[]): Parsed<{ readonly tree: string; readonly message: string }> {
  const at = `commit ${commitId(bytes)}`;
  const commit = partsOf(bytes);
  if (commit?.signature === undefined) return refused({ at, message: 'carries no SSH signature' });
  if (!publicKeys.some((key) => verifyCommit(bytes, key))) return refused({ at, message: 'is not signed by this Sluice, or was changed after it was signed' });
  return accepted({ tree: commit.tree, message: commit.message });
}

/**
 * Whose commit the branch's head is. Ours: signed by one of the keys, recorded for this pipeline and stage, with the tree of the Release that it
 * names, and made on the previous accepted head. Trailers alone prove nothing; a signature alone does not either, since one of our commits can be
 * pushed to another branch.
 */
export function classifyHead({ commit, expectation }: { readonly commit: Uint8Array; readonly expectation: HeadExpectation }): HeadOwner {
  const id = commitId(commit);
  const foreign = (why: string): HeadOwner => ({ owner: 'foreign', id, why });
  const record = signedRecordOf(commit, expectation.publicKeys);
  const parts = partsOf(commit);
  if (!record.ok) return foreign(describeProblems(record.problems));
  if (parts === undefined) return foreign('it is no commit of a SHA-1 repository');

  const { pipeline, stage, release, revision } = record.value;
  const [first, ...others] = parts.parents;
  if (!sameReference(pipeline, expectation.pipeline) || stage !== expectation.stage) {
    return foreign(`it was made for stage ${stage} of pipeline ${referenceText(pipeline)} and has been copied here`);
  }
  if (revision !== expectation.release.revision) return foreign(`it names Release ${release} at ${revision}, not ${expectation.release.revision}`);
  if (parts.tree !== expectation.release.tree) {
    return foreign(`its files (tree ${parts.tree}) are not those of Release ${release} (tree ${expectation.release.tree})`);
  }
  if (expectation.previousHead === undefined) {
    const startsBranch = first === revision && others.length === 0;
    return startsBranch ? { owner: 'ours', id, record: record.value } : foreign('it continues a branch whose earlier commits are not accepted');
  }
  if (first !== expectation.previousHead || others.length !== 1 || others[0] !== revision) {
    return foreign(`it was made on ${first ?? 'nothing'}, and the last accepted head is ${expectation.previousHead}`);
  }
  return { owner: 'ours', id, record: record.value };
}

const signatureHeader = 'gpgsig ';
const signatureLength = 64;

// What the signature covers, and the signature as it is written. Source: OpenSSH's PROTOCOL.sshsig; git signs in the namespace `git`.
const signedData = (message: Buffer): Buffer =>
  Buffer.concat([Buffer.from('SSHSIG'), sshString('git'), sshString(''), sshString('sha512'), sshString(createHash('sha512').update(message).digest())]);

function armour(publicKey: KeyObject, signature: Buffer): string {
  const version = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([
    Buffer.from('SSHSIG'),
    version,
    sshString(sshPublicKey(publicKey)),
    sshString('git'),
    sshString(''),
    sshString('sha512'),
    sshString(Buffer.concat([sshString('ssh-ed25519'), sshString(signature)])),
  ]);
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----'].join('\n');
}

/** Takes a commit apart byte for byte (latin1 keeps every byte); undefined when it is none, or has two signatures. */
function partsOf(bytes: Uint8Array): CommitParts | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  const end = text.indexOf('\n\n');
  if (end < 0) return undefined;

  const headers = text.slice(0, end).split(/\n(?! )/);
  const signatures = headers.filter((header) => header.startsWith(signatureHeader));
  const [tree] = idsOf(headers.slice(0, 1), 'tree');
  if (tree === undefined || signatures.length > 1) return undefined;

  const unsigned = headers.filter((header) => !header.startsWith(signatureHeader)).join('\n');
  return {
    tree,
    parents: idsOf(headers.slice(1), 'parent'),
    message: Buffer.from(text.slice(end + 2), 'latin1').toString(),
    signature: signatures[0]?.slice(signatureHeader.length).replaceAll('\n ', '\n'),
    signed: Buffer.from(unsigned + text.slice(end), 'latin1'),
  };
}

const idsOf = (headers: readonly string[], name: string): string[] =>
  headers.flatMap((header) => {
    const [, id] = /^([0-9a-f]{40})$/.exec(header.startsWith(`${name} `) ? header.slice(name.length + 1) : '') ?? [];
    return id === undefined ? [] : [id];
  });

function fullId(id: string): string {
  // An id is written into the bytes that are signed: anything else here is a bug, or a SHA-256 repository, which the Source refuses.
  if (!/^[0-9a-f]{40}$/.test(id)) throw new Error(`"${id}" is no full SHA-1 id`);
  return id;
}

const identityText = ({ name, email }: Signer): string => `${name.replace(/[<>\p{Cc}]/gu, '').trim()} <${email.replace(/[<>\p{Cc}\s]/gu, '')}>`;
