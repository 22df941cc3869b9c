import { expect, it, vi } from 'vitest';
import type { Answer, ApiServer, Request } from '../../src/adapters/api-server.ts';
import { type Watch, type WatchOptions, watchList } from '../../src/adapters/watch.ts';
import type { LiveObject } from '../../src/model/manifest.ts';
import { PortError } from '../../src/model/port-error.ts';

const path = '/apis/example.org/v1/widgets';
const quick = { backoffMs: { least: 1, most: 4 }, missingMs: 1 };

type Line = object | 'hangs' | 'breaks' | PortError;

/** An API server that answers LISTs and watches with what the test lays down, in order; after the last watch it says no more. */
function scripted(lists: readonly (object | PortError)[], watches: readonly (readonly Line[])[]): ApiServer & { readonly asked: Request[] } {
  const asked: Request[] = [];
  let listed = 0;
  let watched = 0;
  return {
    port: 'destination',
    name: 'Cluster shop/staging',
    url: 'https://127.0.0.1:6443',
    asked,
    async send(request): Promise<Answer> {
      asked.push(request);
      const answer = lists[Math.min(listed++, lists.length - 1)];
      if (answer instanceof PortError) throw answer;
      return { status: 200, body: answer, warnings: [] };
    },
    async stream(request) {
      asked.push(request);
      const lines: readonly Line[] = watches[watched++] ?? ['hangs'];
      if (lines[0] instanceof PortError) throw lines[0];
      return (async function* () {
        for (const line of lines) {
          if (line === 'hangs') await new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason as Error)));
          else if (line === 'breaks') throw new PortError('destination', 'UNREACHABLE', 'the connection broke', { cause: undefined });
          else yield JSON.stringify(line);
        }
      })();
    },
  };
}

const widget = (name: string, resourceVersion: string, uid = `uid-${name}`): LiveObject => ({
  apiVersion: 'example.org/v1',
  kind: 'Widget',
  metadata: { name, uid, resourceVersion, labels: { color: 'red' } },
});
const list = (resourceVersion: string, ...items: readonly LiveObject[]) => ({
  apiVersion: 'example.org/v1',
  kind: 'WidgetList',
  metadata: { resourceVersion },
  items,
});
const expired = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } };
const bookmark = (resourceVersion: string) => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } });

async function listen(
  server: ApiServer,
  enough: (said: readonly string[]) => boolean,
  options: Partial<WatchOptions<LiveObject>> = {},
): Promise<readonly string[]> {
  const said: string[] = [];
  const watch: Watch = watchList(server, {
    path,
    metadataOnly: true,
    times: quick,
    onEvent: ({ type, object }) => said.push(`${type} ${object.metadata.name} ${object.metadata.resourceVersion}`),
    onSynced: () => said.push('synced'),
    onLost: (error) => said.push(`lost ${error.code}`),
    ...options,
  });
  await vi.waitUntil(() => enough(said), { timeout: 5000, interval: 1 });
  await watch.stop();
  return said;
}

it('reports after a relist only what differs: a missed deletion, a missed change, and an object that was replaced', async () => {
  const before = list('10', widget('same', '1'), widget('changed', '2'), widget('gone', '3'), widget('replaced', '4', 'old'));
  const after = list('20', widget('same', '1'), widget('changed', '12'), widget('replaced', '14', 'new'));
  const said = await listen(scripted([before, after], [[expired]]), (words) => words.filter((word) => word === 'synced').length === 2);
  expect(said.slice(5)).toEqual(['MODIFIED changed 12', 'DELETED replaced 4', 'ADDED replaced 14', 'DELETED gone 3', 'synced']);
});

it('goes on from the last bookmark when the server ends a watch, without a list', async () => {
  const server = scripted([list('10')], [[bookmark('15')], ['hangs']]);
  await listen(server, () => server.asked.length === 3);
  expect(server.asked.map(({ query }) => query?.resourceVersion)).toEqual([undefined, '10', '15']);
});

it('does not report an event twice that a resumed watch repeats', async () => {
  const added = { type: 'ADDED', object: widget('a', '11') };
  const said = await listen(
    scripted(
      [list('10')],
      [
        [added, 'breaks'],
        [added, { type: 'MODIFIED', object: widget('a', '12') }],
      ],
    ),
    (words) => words.includes('MODIFIED a 12'),
  );
  expect(said).toEqual(['synced', 'ADDED a 11', 'lost UNREACHABLE', 'synced', 'MODIFIED a 12']);
});

it('says only once that it is lost, however often it tries', async () => {
  const down = new PortError('destination', 'UNREACHABLE', 'no', { cause: undefined });
  const said = await listen(scripted([list('10'), down, down, down, list('20', widget('a', '19'))], [[down], [down], [down], [down]]), (words) =>
    words.includes('ADDED a 19'),
  );
  expect(said.filter((word) => word.startsWith('lost'))).toEqual(['lost UNREACHABLE']);
});

it('lists anew when the server refuses the version again and again', async () => {
  const refused = new PortError('destination', 'UNREACHABLE', 'Too large resource version', { cause: undefined });
  const said = await listen(scripted([list('10'), list('2', widget('a', '1'))], [[refused], [refused], [refused], [refused]]), (words) =>
    words.includes('ADDED a 1'),
  );
  expect(said).toEqual(['synced', 'lost UNREACHABLE', 'ADDED a 1', 'synced']);
});

it('keeps what the transformation kept, and reports it when a deletion was missed', async () => {
  const colors: string[] = [];
  const said = await listen(
    scripted([list('10', widget('a', '1')), list('20')], [[expired]]),
    (words) => words.filter((word) => word === 'synced').length === 2,
    {
      transform: (object) => ({ ...object, metadata: { ...object.metadata, annotations: { kept: 'yes' } } }),
      onEvent: ({ type, object }) => colors.push(`${type} ${object.metadata.labels?.color} ${object.metadata.annotations?.kept}`),
    },
  );
  expect(said).toEqual(['synced', 'synced']);
  expect(colors).toEqual(['ADDED red yes', 'DELETED red yes']);
});

it('asks page after page, and lists at the most recent version', async () => {
  const first = { ...list('10', widget('a', '1')), metadata: { resourceVersion: '10', continue: 'next' } };
  const server = scripted([first, list('10', widget('b', '2'))], []);
  const said = await listen(server, (words) => words.includes('synced'), { labelSelector: 'color=red', fieldSelector: 'metadata.namespace=shop' });
  expect(said).toEqual(['ADDED a 1', 'ADDED b 2', 'synced']);
  const selectors = { labelSelector: 'color=red', fieldSelector: 'metadata.namespace=shop' };
  expect(server.asked.slice(0, 2).map(({ query }) => query)).toEqual([
    { ...selectors, limit: 500, continue: undefined },
    { ...selectors, limit: 500, continue: 'next' },
  ]);
});

it.each<[string, readonly Line[]]>([
  ['a line that is no object', [[]]],
  ['an object without metadata', [{ type: 'ADDED', object: null }]],
  ['an object without a name', [{ type: 'ADDED', object: { metadata: { name: 7, uid: 'u', resourceVersion: '1' } } }]],
  ['an error without a code', [{ type: 'ERROR', object: 'password hunter2' }]],
])('survives an API server that sends %s', async (_what, lines) => {
  const said = await listen(scripted([list('10')], [lines, [{ type: 'ADDED', object: widget('a', '11') }]]), (words) => words.includes('ADDED a 11'));
  expect(said).toEqual(['synced', 'lost UNREACHABLE', 'synced', 'ADDED a 11']);
});

it.each([[{}], [{ metadata: { resourceVersion: '1' }, items: 'many' }], [{ metadata: { resourceVersion: '1' }, items: [null] }]])(
  'survives a list that is none: %j',
  async (answer) => {
    const said = await listen(scripted([answer, list('10', widget('a', '1'))], []), (words) => words.includes('synced'));
    expect(said).toEqual(['lost UNREACHABLE', 'ADDED a 1', 'synced']);
  },
);
