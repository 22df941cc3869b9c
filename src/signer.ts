import { randomBytes } from 'node:crypto';
import { describeProblems } from './model/parsed.ts';
import type { Signer } from './promotion/record.ts';
import { generateSigningKey, parseSigningKey } from './promotion/signing-key.ts';
import type { Hub } from './resources/hub.ts';

const secretName = 'sluice-signing-key';

/**
 * The key that signs promotion commits: made once, kept in a Secret of Sluice's own namespace, shared by all its processes.
 * Throws PortError('hub', …), and Error when the Secret holds no such key.
 */
export async function openSigner(hub: Pick<Hub, 'ensureSecret'>, namespace: string, signal: AbortSignal): Promise<Signer> {
  const made = generateSigningKey(randomBytes(32));
  const values = await hub.ensureSecret(
    { namespace, name: secretName },
    { 'private-key.pem': made.privateKeyPem, 'public-key': made.publicKeyOpenSsh },
    signal,
  );
  const key = parseSigningKey(values['private-key.pem'] ?? '');
  if (!key.ok) throw new Error(`Secret ${namespace}/${secretName}: ${describeProblems(key.problems)}`);
  return { key: key.value, name: 'Sluice', email: 'sluice@sluice.dev' };
}
