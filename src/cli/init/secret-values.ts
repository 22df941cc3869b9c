import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ApiServer } from '../../adapters/api-server.ts';
import { at, isJsonObject } from '../../model/json.ts';
import { accepted, type Problem } from '../../model/parsed.ts';
import { type Answer, refuse } from '../answer.ts';
import { readText } from '../input.ts';
import type { Terminal } from '../terminal.ts';
import { readObject } from './apply.ts';
import type { InstallationPlan } from './resources.ts';
import type { SecretValues } from './written.ts';

export type SecretFiles = { readonly tokenFile?: string | undefined; readonly webhookSecretFile?: string | undefined };

const tokenVariable = 'GIT_TOKEN';

/** The token of the Git host: of the file, or of the environment. It is no flag, for everybody on the machine sees those. */
export async function readToken({ tokenFile }: SecretFiles, terminal: Terminal): Promise<Answer<string | undefined>> {
  if (tokenFile === undefined) return accepted(terminal.environment[tokenVariable] || undefined);
  const text = await readText(tokenFile, terminal);
  if (!text.ok) return text;
  const token = text.value.trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    return refuse('TokenNeeded', { at: tokenFile, message: 'holds no token: one line of letters, digits and signs, without spaces' });
  return accepted(token);
}

/** The webhook's secret of the file. With `make`, a file that does not exist is written with a random one, for this user alone. */
export async function readWebhookSecret({ webhookSecretFile: file }: SecretFiles, make: boolean, terminal: Terminal): Promise<Answer<string | undefined>> {
  if (file === undefined) return accepted(undefined);
  const made = randomSecret();
  try {
    if (make) await writeFile(resolve(terminal.folder, file), `${made}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (!isThere) return refuse('FileUnreadable', { at: file, message: 'cannot be written: name a file in a folder that exists and that you may write to' });
  }
  const text = await readText(file, terminal);
  if (!text.ok) return text;
  const secret = text.value.trim();
  return secret === ''
    ? refuse('FileUnreadable', { at: file, message: 'is empty: put the secret of the webhook there, or remove it to have one made' })
    : accepted(secret);
}

const randomSecret = (): string => randomBytes(32).toString('hex');

/**
 * What the Secrets of the hub are to hold: what was given, else what stands there, else for the webhook something random.
 * Throws what ApiServer.send throws.
 */
export async function completeValues(hub: ApiServer, plan: InstallationPlan, given: SecretValues, signal: AbortSignal): Promise<Answer<SecretValues>> {
  const problems: Problem[] = [];
  const complete: Record<string, Record<string, string>> = {};
  for (const { name, keys } of plan.secrets) {
    const live = decoded(await readObject(hub, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: plan.namespace } }, signal));
    const values = { ...live, ...given[name] };
    if (keys.includes('webhookSecret')) values.webhookSecret ??= randomSecret();
    if (keys.includes('token') && values.token === undefined && values.password === undefined)
      problems.push({
        at: '--token-file',
        message: `is missing: Sluice reads the repository and pushes promotions with a token; give a file that holds it, or ${tokenVariable} in the environment`,
      });
    complete[name] = values;
  }
  return problems.length > 0 ? refuse('TokenNeeded', ...problems) : accepted(complete);
}

function decoded(secret: unknown): Record<string, string> {
  const data = at(secret, 'data');
  return Object.fromEntries(Object.entries(isJsonObject(data) ? data : {}).map(([key, value]) => [key, Buffer.from(String(value), 'base64').toString()]));
}
