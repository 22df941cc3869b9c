import type { ApiServer } from '../../adapters/api-server.ts';
import { at, isJsonObject } from '../../model/json.ts';
import { isPortError } from '../../model/port-error.ts';
import type { Reference } from '../../model/reference.ts';
import type { Hub } from '../../resources/hub.ts';
import { type Tried, tried } from './finding.ts';

/** Secrets read with one's own rights, as Sluice reads them. Never printed. */
export const secretsOf = (server: ApiServer): Pick<Hub, 'secret'> => ({
  async secret({ namespace, name }, signal) {
    try {
      const { body } = await server.send({
        method: 'GET',
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`,
        signal,
      });
      const data = at(body, 'data');
      return Object.fromEntries(Object.entries(isJsonObject(data) ? data : {}).map(([key, value]) => [key, Buffer.from(String(value), 'base64').toString()]));
    } catch (error) {
      if (isPortError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  },
});

/** Decoded values; undefined: there is no such Secret. */
export type SecretRead = Tried<Readonly<Record<string, string>> | undefined>;

export const readSecret = (server: ApiServer, reference: Reference, signal: AbortSignal): Promise<SecretRead> =>
  tried(secretsOf(server).secret(reference, signal));
