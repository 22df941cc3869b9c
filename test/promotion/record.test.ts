import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifyHead, commitId, commitOf, type HeadExpectation, type Signer, treeOfCommit, verifyCommit } from '../../src/promotion/record.ts';
import { allowedSignersLine, generateSigningKey, parsePublicKey, parseSigningKey, type SigningKey } from '../../src/promotion/signing-key.ts';
import type { AdmissionRecord } from '../../src/promotion/trailers.ts';

const keyOf = (seed: number): SigningKey => {
  const key = parseSigningKey(generateSigningKey(Buffer.alloc(32, seed)).privateKeyPem);
  if (!key.ok) throw new Error(key.problems[0]?.message);
  return key.value;
};
const signer: Signer = { key: keyOf(1), name: 'Sluice', email: 'sluice@example.org' };
const stranger: Signer = { key: keyOf(2), name: 'Sluice', email: 'sluice@example.org' };

const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const record: AdmissionRecord = {
  pipeline: { namespace: 'shop', name: 'web' },
  stage: 'production',
  release: { name: 'web-1', revision: '1'.repeat(40), tree: emptyTree, subject: 'Grüße, 世界' },
  admission: 2,
  head: '2'.repeat(40),
  decidedAt: new Date('2026-09-01T10:00:00.700Z'),
  why: 'staging verified it',
  gates: [{ gate: 'health', result: 'staging verified' }],
  approvedBy: [],
  digests: [],
};
const first: AdmissionRecord = { ...record, head: undefined, admission: 1 };

describe('the commit of a record', () => {
  const commit = commitOf(record, signer);
  const text = Buffer.from(commit.bytes).toString();

  it("has the Release's tree, the head and the Release as parents, and the time of the decision", () => {
    expect(text.split('\n').slice(0, 6)).toEqual([
      `tree ${emptyTree}`,
      `parent ${'2'.repeat(40)}`,
      `parent ${'1'.repeat(40)}`,
      'author Sluice <sluice@example.org> 1788256800 +0000',
      'committer Sluice <sluice@example.org> 1788256800 +0000',
      'gpgsig -----BEGIN SSH SIGNATURE-----',
    ]);
    expect(treeOfCommit(commit.bytes)).toEqual({ ok: true, value: emptyTree });
  });

  it('starts a branch with the Release as its only parent', () => {
    expect(
      Buffer.from(commitOf(first, signer).bytes)
        .toString()
        .match(/^parent .*/gm),
    ).toEqual([`parent ${'1'.repeat(40)}`]);
  });

  it('is the same commit for the same record and key', () => {
    expect(commitOf({ ...record, decidedAt: new Date(record.decidedAt) }, { ...signer, key: keyOf(1) })).toEqual(commit);
    expect(commit.id).toBe('a5fb0502c995a7e1c33e549c9dbeceb28a51ab08');
  });

  it.each([
    ['another key', commitOf(record, stranger)],
    ['another admission', commitOf({ ...record, admission: 3 }, signer)],
    ['another second', commitOf({ ...record, decidedAt: new Date('2026-09-01T10:00:01Z') }, signer)],
  ])('is another commit for %s', (_, other) => {
    expect(other.id).not.toBe(commit.id);
  });

  it('is verified with its key and no other', () => {
    expect(verifyCommit(commit.bytes, signer.key.publicKey)).toBe(true);
    expect(verifyCommit(commit.bytes, stranger.key.publicKey)).toBe(false);
  });

  it('is not verified after any byte of it was changed', () => {
    fc.assert(
      fc.property(fc.nat({ max: commit.bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const tampered = Uint8Array.from(commit.bytes);
        tampered[index] = (tampered[index] ?? 0) ^ change;
        expect(verifyCommit(tampered, signer.key.publicKey)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws on bytes that are no commit', () => {
    const key = signer.key.publicKey;
    const nearly = fc.constantFrom('tree ', emptyTree, '\n', '\n\n', 'gpgsig ', '-----BEGIN SSH SIGNATURE-----', '-----END SSH SIGNATURE-----', 'AAAA', '\xff');
    fc.assert(fc.property(fc.array(nearly), (parts) => verifyCommit(Buffer.from(parts.join(''), 'latin1'), key) === false));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => verifyCommit(bytes, key) === false));
  });

  it('refuses ids that are none, for they would be signed', () => {
    expect(() => commitOf({ ...record, head: `${'2'.repeat(40)}\nparent ${'3'.repeat(40)}` }, signer)).toThrow('no full SHA-1 id');
  });
});

describe('whose commit a head is', () => {
  const expectation: HeadExpectation = {
    publicKeys: [signer.key.publicKey],
    pipeline: record.pipeline,
    stage: record.stage,
    previousHead: record.head,
    release: { revision: record.release.revision, tree: emptyTree },
  };
  const commit = commitOf(record, signer);
  const asForeign = (bytes: Uint8Array): Uint8Array =>
    Buffer.from(
      Buffer.from(bytes)
        .toString()
        .replace(/gpgsig [\s\S]*?-----END SSH SIGNATURE-----\n/, ''),
    );

  it('is ours, with what it records', () => {
    expect(classifyHead({ commit: commit.bytes, expectation })).toMatchObject({ owner: 'ours', id: commit.id, record: { release: 'web-1', admission: 2 } });
    expect(classifyHead({ commit: commitOf(first, signer).bytes, expectation: { ...expectation, previousHead: undefined } }).owner).toBe('ours');
  });

  it('is still ours after the key was changed, while the old one is listed', () => {
    const publicKeys = [stranger.key.publicKey, signer.key.publicKey];
    expect(classifyHead({ commit: commit.bytes, expectation: { ...expectation, publicKeys } }).owner).toBe('ours');
  });

  const previousHead = undefined;
  it.each([
    ['copied trailers and no signature', asForeign(commit.bytes), expectation, 'no SSH signature'],
    ["copied trailers and somebody else's signature", commitOf(record, stranger).bytes, expectation, 'not signed by this Sluice'],
    ['our signature over other words', Buffer.from(Buffer.from(commit.bytes).toString().replace('Admission: 2', 'Admission: 9')), expectation, 'not signed by'],
    ['other files', commitOf({ ...record, release: { ...record.release, tree: '9'.repeat(40) } }, signer).bytes, expectation, 'its files'],
    ['another head below it', commitOf({ ...record, head: '8'.repeat(40) }, signer).bytes, expectation, 'last accepted head'],
    ['no head below it', commitOf(first, signer).bytes, expectation, 'last accepted head'],
    ['a head below it on a new branch', commit.bytes, { ...expectation, previousHead }, 'earlier commits'],
    ['the record of another stage', commitOf({ ...first, stage: 'staging' }, signer).bytes, { ...expectation, previousHead }, 'stage staging'],
    ['the record of another pipeline', commitOf({ ...record, pipeline: { namespace: 'x', name: 'web' } }, signer).bytes, expectation, 'pipeline x/web'],
    ['another Release', commit.bytes, { ...expectation, release: { revision: '7'.repeat(40), tree: emptyTree } }, 'names Release web-1'],
    ['no commit in it', Buffer.from('hello'), expectation, 'no SSH signature'],
  ])('is foreign with %s', (_, bytes, expected, why) => {
    expect(classifyHead({ commit: bytes, expectation: expected })).toEqual({ owner: 'foreign', id: commitId(bytes), why: expect.stringContaining(why) });
  });
});

describe('signing keys', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const sshKeygen = (name: string, ...args: readonly string[]): { readonly secret: string; readonly open: string } => {
    execFileSync('ssh-keygen', ['-q', '-f', join(folder, name), '-C', 'sluice', ...args]);
    const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
    return { secret: read(name), open: read(`${name}.pub`).trim() };
  };

  it('are read as ssh-keygen writes them, and have the same public half', () => {
    const { secret, open } = sshKeygen('plain', '-t', 'ed25519', '-N', '');
    const key = parseSigningKey(secret);
    expect(key.ok && key.value.publicKeyOpenSsh).toBe(open);
    const publicKey = parsePublicKey(open);
    expect(key.ok && publicKey.ok && key.value.publicKey.equals(publicKey.value)).toBe(true);
  });

  it.each([
    ['nothing', () => '', 'no private key'],
    ['a key with a passphrase', () => sshKeygen('locked', '-t', 'ed25519', '-N', 'secret').secret, 'has a passphrase'],
    ['a key of another type', () => sshKeygen('ecdsa', '-t', 'ecdsa', '-N', '').secret, 'no Ed25519 key'],
    ['a PEM key of another type', () => sshKeygen('rsa', '-t', 'rsa', '-m', 'PEM', '-N', '').secret, 'of type rsa'],
    ['half a key', () => sshKeygen('half', '-t', 'ed25519', '-N', '').secret.slice(0, 150), 'damaged'],
  ])('refuse %s without quoting it', (_, pem, why) => {
    const text = pem();
    const key = parseSigningKey(text);
    expect(key).toEqual({ ok: false, problems: [{ at: 'signing key', message: expect.stringContaining(why) }] });
    expect(JSON.stringify(key)).not.toContain(text.split('\n')[1] || 'PRIVATE');
  });

  it.each(['', 'ssh-ed25519', 'ssh-ed25519 AAAA', 'ssh-rsa AAAAB3NzaC1yc2E= me', `ssh-ed25519 ${'A'.repeat(400)}`])('refuse %j as a public half', (text) => {
    expect(parsePublicKey(text).ok).toBe(false);
  });
});

describe('git verify-commit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-verify-'));
  const git = (args: readonly string[], input?: Uint8Array): string =>
    execFileSync('git', ['-C', folder, '-c', `gpg.ssh.allowedSignersFile=${folder}/allowed_signers`, ...args], { input, stdio: 'pipe' })
      .toString()
      .trim();
  const written = (bytes: Uint8Array): string => git(['hash-object', '-t', 'commit', '-w', '--stdin'], bytes);
  beforeAll(() => {
    git(['init', '-q', '--bare']);
    writeFileSync(join(folder, 'allowed_signers'), allowedSignersLine(signer.email, signer.key.publicKeyOpenSsh));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('accepts our commit, under the id that we gave it', () => {
    const commit = commitOf(record, signer);
    expect(written(commit.bytes)).toBe(commit.id);
    expect(() => git(['verify-commit', commit.id])).not.toThrow();
    const format = '--format=%G? %GS|%(trailers:key=Sluice-Gate-health,valueonly)';
    expect(git(['log', '--no-walk', format, commit.id])).toBe('G sluice@example.org|staging verified');
  });

  it.each([
    ['another key', commitOf(record, stranger).bytes],
    ['changed words', Buffer.from(Buffer.from(commitOf(record, signer).bytes).toString().replace('Admission: 2', 'Admission: 9'))],
  ])('refuses a commit with %s, as we do', (_, bytes) => {
    const id = written(bytes);
    expect(() => git(['verify-commit', id])).toThrow();
    expect(verifyCommit(bytes, signer.key.publicKey)).toBe(false);
  });

  it('and we accept what git itself signs with our key', () => {
    const keyFile = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
    const tree = git(['hash-object', '-t', 'tree', '-w', '--stdin'], Buffer.alloc(0));
    const config = ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${keyFile}`, '-c', 'user.name=x', '-c', 'user.email=x@example.org'];
    const id = git([...config, 'commit-tree', '-S', '-m', 'Signed by git', tree]);
    const key = parsePublicKey(readFileSync(`${keyFile}.pub`, 'utf8'));
    const raw = execFileSync('git', ['-C', folder, 'cat-file', 'commit', id]);
    expect(key.ok && verifyCommit(raw, key.value)).toBe(true);
  });
});
