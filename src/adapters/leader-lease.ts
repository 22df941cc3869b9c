import { at, type Json } from '../model/json.ts';
import { isPortError } from '../model/port-error.ts';
import type { Lease, Leases } from '../workers/leader.ts';
import type { ApiServer } from './api-server.ts';

const name = 'sluice-controller';

/** The Lease of Sluice's own namespace by which one controller of many leads. */
export function leaderLeases(server: ApiServer, namespace: string, now: () => Date = () => new Date()): Leases {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

  return {
    async read(signal) {
      try {
        return leaseOf((await server.send({ method: 'GET', path: `${collection}/${name}`, signal })).body);
      } catch (error) {
        if (isPortError(error, 'NOT_FOUND')) return undefined;
        throw error;
      }
    },
    async write(holder, seen, leaseMs, signal) {
      const body: Json = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace, ...(seen === undefined ? {} : { resourceVersion: seen.version }) },
        spec: { holderIdentity: holder, leaseDurationSeconds: Math.round(leaseMs / 1000), renewTime: now().toISOString().replace(/Z$/, '000Z') },
      };
      const request = seen === undefined ? ({ method: 'POST', path: collection } as const) : ({ method: 'PUT', path: `${collection}/${name}` } as const);
      return leaseOf((await server.send({ ...request, body, signal })).body);
    },
  };
}

const leaseOf = (body: unknown): Lease => ({
  holder: String(at(body, 'spec', 'holderIdentity') ?? ''),
  version: String(at(body, 'metadata', 'resourceVersion') ?? ''),
});
