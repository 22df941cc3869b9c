import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { accepted, type Parsed, refused } from '../model/parsed.ts';

/** The Ed25519 key that signs promotions. `publicKeyOpenSsh` is its public half as `gpg.ssh.allowedSignersFile` and Git hosts take it. */
export type SigningKey = { readonly privateKey: KeyObject; readonly publicKey: KeyObject; readonly publicKeyOpenSsh: string };

const keyType = 'ssh-ed25519';

/**
 * A new key pair.
 * Input   seed: 32 random bytes (`randomBytes(32)`), which are the private key.
 * Output  privateKeyPem: PKCS #8, secret; publicKeyOpenSsh: `ssh-ed25519 AAAA… sluice`.
 */
export function generateSigningKey(seed: Uint8Array): { readonly privateKeyPem: string; readonly publicKeyOpenSsh: string } {
  const privateKey = privateKeyOf(seed);
  return { privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), publicKeyOpenSsh: openSshOf(createPublicKey(privateKey)) };
}

/** Reads an Ed25519 private key without a passphrase: PKCS #8, or what `ssh-keygen -t ed25519` writes. Never quotes what it was given. */
export function parseSigningKey(pem: string): Parsed<SigningKey> {
  const privateKey = pem.includes('BEGIN OPENSSH PRIVATE KEY') ? privateKeyFromOpenSsh(pem) : privateKeyFromPem(pem);
  if (typeof privateKey === 'string') return refused({ at: 'signing key', message: privateKey });
  const publicKey = createPublicKey(privateKey);
  return accepted({ privateKey, publicKey, publicKeyOpenSsh: openSshOf(publicKey) });
}

/** Reads `ssh-ed25519 AAAA… comment`. */
export function parsePublicKey(openSsh: string): Parsed<KeyObject> {
  const [type, base64] = openSsh.trim().split(/\s+/);
  const [innerType, point, ...rest] = sshStrings(Buffer.from(base64 ?? '', 'base64')) ?? [];
  if (type !== keyType || innerType?.toString() !== keyType || point?.length !== 32 || rest.length > 0) {
    return refused({ at: 'public key', message: 'is not `ssh-ed25519 AAAA…`; use an Ed25519 key' });
  }
  return accepted(createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }, format: 'jwk' }));
}

/** The line of an allowed_signers file that makes `git verify-commit` accept this key's commits. */
export const allowedSignersLine = (email: string, publicKeyOpenSsh: string): string => `${email} namespaces="git" ${publicKeyOpenSsh}\n`;

/** The public key as SSH sends it: its type and its 32 bytes. */
export function sshPublicKey(publicKey: KeyObject): Buffer {
  const { x } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([sshString(keyType), sshString(Buffer.from(x ?? '', 'base64url'))]);
}

/** Bytes behind their length in four bytes (RFC 4251, section 5). */
export function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The strings that the bytes consist of; undefined when they do not. */
function sshStrings(bytes: Buffer): readonly Buffer[] | undefined {
  const strings: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) return undefined;
    strings.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return strings;
}

const openSshOf = (publicKey: KeyObject): string => `${keyType} ${sshPublicKey(publicKey).toString('base64')} sluice`;

function privateKeyFromPem(pem: string): KeyObject | string {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : `is of type ${key.asymmetricKeyType ?? 'unknown'}; use an Ed25519 key`;
  } catch {
    return 'is no private key without a passphrase; give one in PEM form (PKCS #8), or as `ssh-keygen -t ed25519 -N ""` writes it';
  }
}

// PKCS #8 of an Ed25519 key (RFC 8410) is this prefix and the seed.
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const privateKeyOf = (seed: Uint8Array): KeyObject => createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });

const openSshMagic = 'openssh-key-v1\0';

// magic, cipher, kdf, its options, number of keys (4 bytes), public key, private part. Source: OpenSSH's PROTOCOL.key.
function privateKeyFromOpenSsh(pem: string): KeyObject | string {
  const bytes = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64');
  if (bytes.subarray(0, openSshMagic.length).toString() !== openSshMagic) return 'is damaged: it is no OpenSSH private key';

  const header = leadingStrings(bytes.subarray(openSshMagic.length), 3);
  if (header === undefined) return 'is damaged: it ends too early';
  if (header.strings[0]?.toString() !== 'none') return 'has a passphrase; take it off with `ssh-keygen -p -N ""`';

  const [, secret] = leadingStrings(header.rest.subarray(4), 2)?.strings ?? [];
  if (secret === undefined) return 'is damaged: it ends too early';
  // Two equal check numbers (8 bytes) stand before the type, the public half, and seed and public half together.
  const [type, , seedAndPublic] = leadingStrings(secret.subarray(8), 3)?.strings ?? [];
  if (type?.toString() !== keyType || seedAndPublic?.length !== 64) return 'is no Ed25519 key; make one with `ssh-keygen -t ed25519`';
  return privateKeyOf(seedAndPublic.subarray(0, 32));
}

function leadingStrings(bytes: Buffer, count: number): { readonly strings: readonly Buffer[]; readonly rest: Buffer } | undefined {
  const strings: Buffer[] = [];
  let rest = bytes;
  while (strings.length < count) {
    if (rest.length < 4) return undefined;
    const end = 4 + rest.readUInt32BE(0);
    if (end > rest.length) return undefined;
    strings.push(rest.subarray(4, end));
    rest = rest.subarray(end);
  }
  return { strings, rest };
}
