import { PortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import type { Hub } from '../resources/hub.ts';
import type { Repository } from '../resources/repository.ts';
import { referenceOf } from '../resources/resource.ts';
import type { RepositoryAccess } from '../source/source.ts';

/** A changed Secret is used after this long at the latest. */
const keptForMs = 10_000;

type Values = Readonly<Record<string, string>>;
export type RepositorySecrets = {
  access(repository: Repository, signal: AbortSignal): Promise<RepositoryAccess>;
  /** What the host signs webhooks with; undefined when none is set. */
  webhookSecret(repository: Repository, signal: AbortSignal): Promise<string | undefined>;
};

/** Reads Repositories' Secrets, each at most every ten seconds. Throws PortError('source', INVALID) when one is missing or says nothing. */
export function openRepositorySecrets(hub: Pick<Hub, 'secret'>, now: () => Date): RepositorySecrets {
  const known = new Map<string, { readonly readAtMs: number; readonly values: Promise<Values | undefined> }>();

  function read(repository: Repository, signal: AbortSignal): Promise<Values | undefined> {
    const { secretRef } = repository.spec;
    if (secretRef === undefined) return Promise.resolve({});
    const reference = { namespace: repository.metadata.namespace, name: secretRef.name };
    const key = referenceText(reference);
    const cached = known.get(key);
    if (cached !== undefined && now().getTime() - cached.readAtMs < keptForMs) return cached.values;
    const values = hub.secret(reference, signal);
    known.set(key, { readAtMs: now().getTime(), values });
    values.catch(() => known.delete(key));
    return values;
  }

  return {
    async access(repository, signal) {
      const values = await read(repository, signal);
      const base = { repository: referenceOf(repository), url: repository.spec.url };
      if (repository.spec.secretRef === undefined) return base;
      if (values === undefined)
        throw invalid(repository, `Secret ${repository.spec.secretRef.name} does not exist in namespace ${repository.metadata.namespace}: create it`);
      const { token, username, password } = values;
      if (token !== undefined && token !== '') return { ...base, credentials: { token: token.trim() } };
      if (username !== undefined && password !== undefined) return { ...base, credentials: { username: username.trim(), password: password.trim() } };
      if (values.webhookSecret !== undefined) return base;
      throw invalid(repository, `Secret ${repository.spec.secretRef.name} has neither \`token\` nor \`username\` and \`password\`: add one of them`);
    },
    async webhookSecret(repository, signal) {
      return (await read(repository, signal))?.webhookSecret?.trim();
    },
  };
}

const invalid = (repository: Repository, reason: string): PortError =>
  new PortError('source', 'INVALID', `Repository ${referenceText(referenceOf(repository))}: spec.secretRef: ${reason}`, { cause: undefined });
