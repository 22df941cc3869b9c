import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PortError } from '../../src/model/port-error.ts';
import { application, cluster, repository } from '../builders.ts';
import { openWorld } from '../world.ts';

const names = ['a', 'b', 'c'] as const;
const id = (name: string) => ({ group: '', kind: 'ConfigMap', namespace: 'web', name });
const configMap = (name: string, value: number) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value: String(value) } });

const name = fc.constantFrom(...names);
const happening = fc.oneof(
  // `told`: the webhook arrives; else the next poll finds it. `name` changes, and goes when `value` is 0.
  { weight: 5, arbitrary: fc.record({ is: fc.constant('push' as const), name, value: fc.nat(3), told: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('rewind' as const) }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('edit' as const), name, told: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('remove' as const), name, told: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('refuse' as const), name }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('cluster-away' as const) }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('host-away' as const) }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('nudge' as const) }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('pass' as const), seconds: fc.nat(90) }) },
);

describe('whatever happens, in whatever order', () => {
  it('the cluster ends with exactly what the newest commit renders, and the status says so', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 25 }), async (happenings) => {
        const world = openWorld();
        world.hub.put(repository());
        world.hub.put(cluster());
        world.hub.put(application());
        const commits = [await world.push({ 'apps/web/stays.yaml': configMap('stays', 1), 'apps/web/a.yaml': configMap('a', 1) })];
        const told = async (is: boolean) => (is ? world.sync('web') : undefined);

        for (const each of happenings) {
          switch (each.is) {
            case 'push': {
              const files = { [`apps/web/${each.name}.yaml`]: each.value === 0 ? undefined : configMap(each.name, each.value) };
              commits.push(each.told ? await world.push(files) : world.repository.commit(files));
              break;
            }
            case 'rewind':
              world.heads.set('refs/heads/main', commits[Math.floor(commits.length / 2)]);
              break;
            case 'edit':
              if (world.destination.get(id(each.name)) !== undefined)
                world.destination.edit(id(each.name), 'kubectl-edit', (object) => ({ ...object, data: { value: 'by hand', added: 'x' } }));
              await told(each.told);
              break;
            case 'remove':
              if (world.destination.get(id(each.name)) !== undefined) world.destination.drop(id(each.name));
              await told(each.told);
              break;
            case 'refuse':
              world.destination.refuse(id(each.name), { code: 'INVALID', message: 'no' });
              break;
            case 'cluster-away':
              world.destination.fail(new PortError('destination', 'UNREACHABLE', 'away', { cause: undefined }));
              break;
            case 'host-away':
              world.repository.fail(new PortError('source', 'UNREACHABLE', 'away', { cause: undefined }));
              break;
            case 'nudge':
              await world.sync('web');
              break;
            case 'pass':
              await world.pass(each.seconds * 1000);
              break;
            default:
              each satisfies never;
          }
        }

        for (const each of names) world.destination.refuse(id(each), undefined);
        world.destination.fail(undefined);
        world.repository.fail(undefined);
        // The longest wait of all: an Application is looked at every ten minutes whatever happens.
        await world.pass(1_300_000);

        const head = world.heads.get('refs/heads/main') ?? '';
        const files = await renderedAt(world, head);
        expect(world.destination.get(id('stays'))?.data).toEqual({ value: '1' });
        expect(Object.fromEntries(names.map((each) => [each, world.destination.get(id(each))?.data]))).toEqual(files);
        expect(world.application('web').status).toMatchObject({ sync: { state: 'Synced' }, health: { health: 'Healthy' }, objects: { outOfSync: 0 } });
        expect(world.application('web').status?.claim).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});

/** What the ConfigMaps of a commit say, by name; undefined where there is none. */
async function renderedAt(world: ReturnType<typeof openWorld>, commit: string): Promise<Readonly<Record<string, unknown>>> {
  const { source, access } = world.repository;
  const signal = new AbortController().signal;
  const folder = async (tree: string, part: string) => (await source.tree(access, tree, signal)).find((entry) => entry.name === part);
  const apps = await folder((await source.commit(access, commit, signal)).tree, 'apps');
  const web = apps === undefined ? undefined : await folder(apps.id, 'web');
  const entries = web === undefined ? [] : await source.tree(access, web.id, signal);
  return Object.fromEntries(
    await Promise.all(
      names.map(async (each) => {
        const entry = entries.find((file) => file.name === `${each}.yaml`);
        return [each, entry === undefined ? undefined : JSON.parse(Buffer.from(await source.blob(access, entry.id, 1_000_000, signal)).toString()).data];
      }),
    ),
  );
}
