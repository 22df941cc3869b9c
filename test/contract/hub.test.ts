import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { openApiServer } from '../../src/adapters/api-server.ts';
import { type OpenHub, openHub } from '../../src/adapters/hub.ts';
import { isPortError, type PortErrorCode } from '../../src/model/port-error.ts';
import { crdOf } from '../../src/resources/crd.ts';
import { type Kind, kinds } from '../../src/resources/kinds.ts';
import type { HubChange } from '../../src/workers/hub-changes.ts';
import { examplePath } from '../../tools/reference/resources.ts';
import { application, cluster, commitOf, pipeline, release, repository } from '../builders.ts';
import { realParts } from '../real-parts.ts';
import { applyCrds } from './crds.ts';

const { hub: real } = realParts();
const namespace = `hub-${randomBytes(4).toString('hex')}`;
const log = pino({ level: 'silent' });
const { signal } = new AbortController();
const status = { conditions: [], unsettled: [], history: [] };

type Written = {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: object };
  readonly spec: object;
  readonly apiVersion: string;
  readonly kind: string;
};

/** What a person would write: no field that the API server sets. */
const yamlOf = ({ apiVersion, kind, metadata: { name, labels }, spec }: Written): string =>
  JSON.stringify({ apiVersion, kind, metadata: { name, namespace, ...(labels === undefined ? {} : { labels }) }, spec });
const put = (resource: Written) => real.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: yamlOf(resource) });
const refusedBy =
  (...codes: readonly PortErrorCode[]) =>
  (error: unknown) =>
    isPortError(error, ...codes) && error.port === 'hub';

/** Waits for what a hub hears. */
function listener() {
  const heard: HubChange[] = [];
  const waiting = new Set<() => void>();
  return {
    heard,
    listen: (change: HubChange) => {
      heard.push(change);
      for (const look of waiting) look();
    },
    until: (matches: (change: HubChange) => boolean): Promise<HubChange> =>
      new Promise((resolve) => {
        const look = () => {
          const found = heard.find(matches);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

beforeAll(async () => {
  await applyCrds(real);
  await real.kubectl(['create', 'namespace', namespace]);
});
afterAll(async () => {
  await real.kubectl(['delete', 'namespace', namespace, '--wait=false']);
});

describe('the custom resource definitions', () => {
  it.each(Object.keys(kinds) as Kind[])('of %s stand in deploy/crds as `npm run generate` writes them', async (kind) => {
    const text = await readFile(new URL(`../../deploy/crds/${kinds[kind]}.yaml`, import.meta.url), 'utf8');
    expect(text).toBe(`# Generated from src/resources by \`npm run generate\`.\n${stringify(crdOf(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`);
  });

  it.each([
    ['Repository', repository()],
    ['Cluster', cluster()],
    ['Application', application()],
    ['Pipeline', pipeline()],
    ['Release', release()],
  ])('take a %s as it is documented', async (_, resource) => {
    await expect(real.kubectl(['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'], { input: yamlOf(resource) })).resolves.toContain(
      'serverside-applied',
    );
  });

  it.each(Object.keys(kinds) as Kind[])('take the %s of examples/reference, and explain every field of it', async (kind) => {
    const example = parse(await readFile(new URL(`../../${examplePath(kind)}`, import.meta.url), 'utf8')) as Written;
    const taken = await real.kubectl(['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'], { input: yamlOf(example) });
    expect(taken).toContain('serverside-applied');
    const explained = await real.kubectl(['explain', '--recursive=false', `${kinds[kind]}.sluice.dev.spec`]);
    expect(explained).toContain('DESCRIPTION:');
    expect(explained).not.toContain('<no description>');
  });

  it.each([
    ['an unknown field', { ...application(), spec: { ...application().spec, replicas: 3 } }, /replicas/],
    [
      'a path that leaves the repository',
      application({ spec: { source: { path: 'apps/../../etc' } } }),
      /must be a path inside the repository, without a leading \/ and without \.\./,
    ],
    [
      'a stage that comes after an unknown one',
      pipeline({
        spec: {
          stages: [
            { name: 'production', after: ['staging'], selector: { matchLabels: {} }, verify: { soakSeconds: 0, deadlineSeconds: 60, allowEmpty: false } },
          ],
        },
      }),
      /every name in `after` must be a stage of this Pipeline/,
    ],
    ['an address that is not HTTP', repository({ spec: { url: 'ssh://git.example/config.git' } }), /spec\.url.*should match/],
    [
      'a connection of two kinds',
      { ...cluster(), spec: { connection: { type: 'hub', hub: {}, kubeconfig: { secretRef: { name: 'x' } } } } },
      /exactly the field that type names must be set/,
    ],
  ])('refuse %s and say why', async (_, resource, reason) => {
    await expect(real.kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], { input: yamlOf(resource) })).rejects.toThrow(reason);
  });
});

describe('the hub', () => {
  const server = openApiServer(real.sluiceKubeconfig, { port: 'hub', name: 'the hub', trusted: true });
  const changes = listener();
  let hub: OpenHub;

  beforeAll(async () => {
    hub = openHub({ server, log });
    hub.start(changes.listen);
    await hub.whenSynced(AbortSignal.timeout(20_000));
  });
  afterAll(async () => {
    await hub[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const now = async (name: string) => {
    const found = await hub.read('Application', { namespace, name }, signal);
    if (found === undefined) throw new Error(`no Application ${name}`);
    return found;
  };

  it('sees what others create, change and delete, with defaults filled in', async () => {
    expect(hub.synced()).toBe(true);
    await put(application({ name: 'seen' }));
    await changes.until(({ type, reference }) => type === 'ADDED' && reference.name === 'seen');
    expect(hub.seen('Application', { namespace, name: 'seen' })).toMatchObject({ kind: 'Application', spec: { sync: { retry: { initialSeconds: 5 } } } });
    expect(hub.list('Application', namespace).map(({ metadata }) => metadata.name)).toContain('seen');
    expect(hub.list('Application', 'elsewhere')).toEqual([]);
    await put(application({ name: 'seen', spec: { suspend: true } }));
    const changed = await changes.until(({ type, reference }) => type === 'MODIFIED' && reference.name === 'seen');
    expect(changed).toMatchObject({ before: { spec: { suspend: false } }, now: { spec: { suspend: true } } });
    await real.kubectl(['-n', namespace, 'delete', 'application', 'seen']);
    await changes.until(({ type, reference }) => type === 'DELETED' && reference.name === 'seen');
    expect(hub.seen('Application', { namespace, name: 'seen' })).toBeUndefined();
    expect(await hub.read('Application', { namespace, name: 'seen' }, signal)).toBeUndefined();
  });

  it('shows its own writes at once, and takes them only for the version that was read', async () => {
    await put(application({ name: 'written', labels: { stage: 'staging' } }));
    const read = await now('written');
    expect(hub.seen('Application', { namespace, name: 'written' })).toEqual(read);
    const written = await hub.writeStatus('Application', read, { ...status, revision: commitOf(1) }, signal);
    expect(hub.seen('Application', { namespace, name: 'written' })).toEqual(written);
    expect(written).toMatchObject({ metadata: { generation: 1, labels: { stage: 'staging' } }, status: { revision: commitOf(1) } });
    await expect(hub.writeStatus('Application', read, status, signal)).rejects.toSatisfy(refusedBy('CONFLICT'));
    await expect(hub.writeStatus('Application', written, { ...status, extra: 1 } as typeof status, signal)).rejects.toThrow(/extra/);
    await expect(hub.writeStatus('Application', written, { ...status, revision: 'main' }, signal)).rejects.toSatisfy(refusedBy('INVALID'));
    expect((await hub.writeStatus('Application', written, status, signal)).status?.revision).toBeUndefined();
  });

  it('creates a Release once, with its Pipeline as owner', async () => {
    await put(pipeline());
    const owner = await hub.read('Pipeline', { namespace, name: 'shop' }, signal);
    if (owner === undefined) throw new Error('no Pipeline');
    await hub.createRelease(owner, 'shop-1', release().spec, signal);
    await hub.createRelease(owner, 'shop-1', release({ spec: { sequence: 2 } }).spec, signal);
    const [created] = hub.list('Release', namespace);
    expect(created).toMatchObject({
      spec: { sequence: 1 },
      metadata: { labels: { 'sluice.dev/pipeline': 'shop' }, ownerReferences: [{ kind: 'Pipeline', uid: owner.metadata.uid }] },
    });
    if (created === undefined) throw new Error('no Release');
    await hub.deleteRelease(created, signal);
    await hub.deleteRelease(created, signal);
    await changes.until(({ type, kind, reference }) => type === 'DELETED' && kind === 'Release' && reference.namespace === namespace);
  });

  it('reads Secrets, and makes one only where there is none', async () => {
    const reference = { namespace: 'sluice-system', name: `key-${randomBytes(4).toString('hex')}` };
    expect(await hub.secret(reference, signal)).toBeUndefined();
    expect(await hub.ensureSecret(reference, { key: 'first\n' }, signal)).toEqual({ key: 'first\n' });
    expect(await hub.ensureSecret(reference, { key: 'second' }, signal)).toEqual({ key: 'first\n' });
    expect(await hub.secret(reference, signal)).toEqual({ key: 'first\n' });
    await real.kubectl(['-n', 'sluice-system', 'delete', 'secret', reference.name]);
  });
});
