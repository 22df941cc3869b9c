import { expect, it, onTestFinished } from 'vitest';
import type { Answer, ApiServer } from '../../src/adapters/api-server.ts';
import { destinationWatches } from '../../src/adapters/destination-watches.ts';
import { PortError } from '../../src/model/port-error.ts';
import type { Seen, SeenParent, SeenPod } from '../../src/workers/watches.ts';

const cluster = { namespace: 'shop', name: 'staging' };

/** An API server whose collections hold what is given, and whose watches say nothing. */
const serverOf = (items: readonly unknown[]): ApiServer => ({
  port: 'destination',
  name: 'Cluster shop/staging',
  url: '',
  send: async (): Promise<Answer> => ({ status: 200, body: { items, metadata: { resourceVersion: '1' } }, warnings: [] }),
  async stream({ signal }) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    throw new PortError('destination', 'UNREACHABLE', 'ended', { cause: undefined });
  },
});

const hostile = (fields: object) => ({ metadata: { name: 'x', namespace: 'web', uid: 'a', resourceVersion: '1', ...fields } });

it.each([
  ['annotations that are no text', hostile({ annotations: { 'applyset.kubernetes.io/contains-group-kinds': 7, 'sluice.dev/owner': {} } })],
  ['annotations that are nothing', hostile({ annotations: null })],
])('is not ended by parents with %s', async (_, item) => {
  const { promise, resolve } = Promise.withResolvers<Seen<SeenParent>>();
  const watches = destinationWatches({ serverOf: async () => serverOf([item]) });
  const watch = watches.parents(cluster, 'default', { onEvent: resolve, onSynced: () => {}, onLost: () => {} });
  onTestFinished(() => watch.stop());
  expect((await promise).object).toEqual({ namespace: 'web', name: 'x', owner: undefined, kinds: [] });
});

it('is not ended by pods whose labels are nothing', async () => {
  const pods = Promise.withResolvers<Seen<SeenPod>>();
  const watches = destinationWatches({ serverOf: async () => serverOf([hostile({ labels: null })]) });
  const watch = watches.pods(cluster, { namespace: 'web', selector: undefined }, { onEvent: pods.resolve, onSynced: () => {}, onLost: () => {} });
  onTestFinished(() => watch.stop());
  expect((await pods.promise).object).toMatchObject({ namespace: 'web', labels: {}, facts: { name: 'x', phase: '' } });
});
