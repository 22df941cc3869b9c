import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { type ControlPlane, startControlPlane } from '../../tools/control-plane.ts';
import { borrowCluster, newRun } from '../../tools/demo-borrowed-cluster.ts';
import { readContext } from '../../tools/demo-context.ts';
import { ensureParts, type Parts } from '../../tools/parts.ts';
import { openRunFolder, type RunFolder } from '../../tools/run-folder.ts';
import { run } from '../../tools/run-program.ts';

const demo = join(import.meta.dirname, '../../tools/demo.ts');
const crdFile = (plural: string) => join(import.meta.dirname, `../../deploy/crds/${plural}.yaml`);
const context = 'mine';

describe('the demo on a cluster of the user', () => {
  let folder: RunFolder;
  let parts: Parts;
  let cluster: ControlPlane;

  beforeAll(async () => {
    folder = await openRunFolder();
    parts = await ensureParts({ say: () => {} });
    cluster = await startControlPlane({ parts, dir: join(folder.path, 'cluster'), name: 'users', roles: ['hub', 'destination'] });
    const kubeconfig = join(folder.path, 'kubeconfig');
    await writeFile(kubeconfig, usersKubeconfig(cluster), { mode: 0o600 });
    vi.stubEnv('KUBECONFIG', kubeconfig);
    vi.stubEnv('KUBECACHEDIR', await folder.folder('kubectl-cache'));
    await cluster.kubectl(['create', 'namespace', 'precious']);
    await cluster.kubectl(['create', 'configmap', 'settings', '-n', 'precious', '--from-literal=answer=42']);
    // Two of the five kinds are there already.
    await cluster.kubectl(['create', '-f', crdFile('repositories'), '-f', crdFile('clusters')]);
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', crdFile('repositories'), '-f', crdFile('clusters')]);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await cluster?.stop();
    await folder?.remove();
  });

  const runDemo = (...args: readonly string[]): Promise<string> => run(process.execPath, [demo, '--once', ...args]);

  /** Everything that is not bound to a moment, by kind, name and generation. */
  async function inventory(): Promise<readonly string[]> {
    const kinds =
      'namespaces,clusterroles,clusterrolebindings,roles,rolebindings,customresourcedefinitions,configmaps,secrets,serviceaccounts,deployments,services';
    const { items } = JSON.parse(await cluster.kubectl(['get', kinds, '--all-namespaces', '-o', 'json'])) as {
      readonly items: readonly {
        readonly kind: string;
        readonly metadata: { readonly namespace?: string; readonly name: string; readonly uid: string; readonly labels?: object };
      }[];
    };
    return items.map(({ kind, metadata }) => JSON.stringify([kind, metadata.namespace, metadata.name, metadata.uid, metadata.labels])).toSorted();
  }

  it('tells the whole story there, and leaves the cluster as it found it', { timeout: 600_000 }, async () => {
    const before = await inventory();
    const json = join(folder.path, 'story.json');

    const said = await runDemo('--context', context, '--yes', '--json', json);

    const { ok, steps } = JSON.parse(await readFile(json, 'utf8')) as {
      readonly ok: boolean;
      readonly steps: readonly { readonly name: string; readonly ok: boolean }[];
    };
    expect(steps.map(({ name, ok: seen }) => `${name}: ${seen}`)).toEqual(
      ['first commit', 'new image', 'broken image', 'fix', 'drift'].map((name) => `${name}: true`),
    );
    expect(ok).toBe(true);
    expect(said).toContain(`server      ${cluster.url}`);
    expect(said).toContain('uses clusters.sluice.dev, repositories.sluice.dev, which are there, and leaves them');

    expect(await inventory()).toEqual(before);
    const everyKind = (await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n').join(',');
    expect(await cluster.kubectl(['get', everyKind, '--all-namespaces', '-l', 'demo.sluice.dev/run', '-o', 'name'])).toBe('');
    expect(await cluster.kubectl(['get', 'configmap', 'settings', '-n', 'precious', '-o', 'jsonpath={.data.answer}'])).toBe('42');
  });

  it('removes what it has made when it is stopped in the middle of the set-up', async () => {
    const before = await inventory();
    const child = spawn(process.execPath, [demo, '--context', context, '--yes'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const isMade = /namespaces, rights and kinds of run \w+ are there/;
      const wasMade = isMade.test(said);
      said += text;
      if (!wasMade && isMade.test(said)) child.kill('SIGINT');
    });
    const [code] = await once(child, 'close');
    expect(said).toMatch(/everything of run \w+ is removed\s+Stopped\.\s*$/);
    expect(code).toBe(130);
    expect(await inventory()).toEqual(before);
  });

  it('writes nothing when nobody can be asked and nobody has agreed', async () => {
    const before = await inventory();
    await expect(runDemo('--context', context)).rejects.toThrow(/no terminal to ask on.*--yes/);
    expect(await inventory()).toEqual(before);
  });

  it('names the contexts that there are, when it does not know one', async () => {
    await expect(runDemo('--context', 'yours', '--yes')).rejects.toThrow('your kubeconfig has no context yours; it has: elsewhere, mine');
  });

  it('leaves CRDs that it made when others have come to use them, and says so', async () => {
    const said: string[] = [];
    {
      await using borrowed = await borrowCluster(await readContext(parts, context), newRun(), (line) => said.push(line));
      const pipeline = { apiVersion: 'sluice.dev/v1alpha1', kind: 'Pipeline', metadata: { name: 'theirs', namespace: 'precious' } };
      const spec = { repository: { name: 'shop' }, branch: 'main', stages: [{ name: 'one', selector: { matchLabels: { stage: 'one' } } }] };
      await borrowed.cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify({ ...pipeline, spec }) });
    }
    expect(said.join('\n')).toMatch(
      /left there: the CRDs applications\.sluice\.dev, pipelines\.sluice\.dev, releases\.sluice\.dev, because others have come to use them: Pipeline precious\/theirs/,
    );
    expect(await cluster.kubectl(['get', 'pipelines.sluice.dev', '-n', 'precious', '-o', 'name'])).toBe('pipeline.sluice.dev/theirs\n');
    expect(await cluster.kubectl(['get', 'namespaces', '-l', 'demo.sluice.dev/run', '-o', 'name'])).toBe('');
  });

  it('does not start beside resources of another Sluice', async () => {
    await expect(runDemo('--context', context, '--yes')).rejects.toThrow(/Pipeline precious\/theirs.*choose a cluster where no Sluice is at work/);
  });

  it('overwrites no CRD of another version', async () => {
    await cluster.kubectl(['delete', 'pipelines.sluice.dev', 'theirs', '-n', 'precious']);
    const older = [{ op: 'add', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/formerly', value: { type: 'string' } }];
    await cluster.kubectl(['patch', 'customresourcedefinition', 'repositories.sluice.dev', '--type=json', '-p', JSON.stringify(older)]);
    const before = await inventory();
    await expect(runDemo('--context', context, '--yes')).rejects.toThrow(/repositories\.sluice\.dev in another version.*choose a cluster without Sluice/);
    expect(await inventory()).toEqual(before);
  });
});

/** Its context is not the current one. */
function usersKubeconfig(cluster: ControlPlane): string {
  const own = parse(cluster.kubeconfig('admin')) as { readonly clusters: readonly object[]; readonly users: readonly object[] };
  const nowhere = { name: 'nowhere', cluster: { server: 'https://127.0.0.1:1' } };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'elsewhere',
    clusters: [nowhere, ...own.clusters],
    users: own.users,
    contexts: [
      { name: 'elsewhere', context: { cluster: 'nowhere', user: 'admin' } },
      { name: context, context: { cluster: cluster.name, user: 'admin' } },
    ],
  });
}
