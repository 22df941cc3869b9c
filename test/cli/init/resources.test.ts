import { Default, Errors } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { type InitFlags, parseAnswers } from '../../../src/cli/init/answers.ts';
import { withRulesOf } from '../../../src/cli/init/apply.ts';
import { proposeApplications } from '../../../src/cli/init/layout.ts';
import { type Found, planInstallation } from '../../../src/cli/init/resources.ts';
import { writtenFiles, yamlText } from '../../../src/cli/init/written.ts';
import type { Manifest } from '../../../src/model/manifest.ts';
import { schemasOf } from '../../../src/resources/crd.ts';
import type { Kind } from '../../../src/resources/kinds.ts';

const flags = (more: Partial<InitFlags> = {}): InitFlags => ({
  repositoryUrl: 'https://git.example/acme/shop.git',
  sluiceNamespace: 'sluice-system',
  serviceAccount: 'sluice-deployer',
  clusterRole: 'edit',
  soakSeconds: 60,
  ...more,
});

const files = ['staging', 'production'].flatMap((stage) => [
  `services/web/overlays/${stage}/kustomization.yaml`,
  'chart/Chart.yaml',
  `chart/values-${stage}.yaml`,
]);

function plan(more: Partial<InitFlags> = {}, found: Partial<Found> = {}) {
  const answers = parseAnswers(flags(more));
  if (!answers.ok) return answers;
  const layout = proposeApplications(files, { repository: answers.value.name, paths: answers.value.paths, stages: answers.value.stages });
  if (!layout.ok) return layout;
  return planInstallation(answers.value, { host: 'gitea', branch: 'main', layout: layout.value, namespaces: new Map(), credentials: true, ...found });
}

function planned(...args: Parameters<typeof plan>) {
  const made = plan(...args);
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return made.value;
}

const problemsOf = (parsed: ReturnType<typeof plan>): readonly string[] => (parsed.ok ? [] : parsed.problems.map(({ at, message }) => `${at}: ${message}`));
const ofKind = (objects: readonly Manifest[], kind: string) => objects.filter((object) => object.kind === kind);

describe('the resources of an installation', () => {
  it.each([
    { what: 'the hub alone', more: {} },
    { what: 'another cluster for production', more: { destinationContext: ['production=prod'] } },
    { what: 'one other cluster for both', more: { destinationContext: ['staging=other', 'production=other'] } },
  ])('are as their schemas want them: $what', ({ more }) => {
    const own = planned(more).hub.filter(({ apiVersion }) => apiVersion.startsWith('sluice.dev/'));
    expect(own.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['Repository', 'Cluster', 'Application', 'Pipeline']));
    for (const { kind, spec } of own) {
      const schema = schemasOf(kind as Kind).spec;
      expect([...Errors(schema, Default(schema, structuredClone(spec)))]).toEqual([]);
    }
  });

  it('go through the stages in order, each Application in the stage of its labels', () => {
    const { hub } = planned();
    expect(ofKind(hub, 'Pipeline')[0]?.spec).toEqual({
      repository: { name: 'shop' },
      branch: 'main',
      stages: [
        { name: 'staging', selector: { matchLabels: { pipeline: 'shop', stage: 'staging' } }, verify: { soakSeconds: 60 } },
        { name: 'production', after: ['staging'], selector: { matchLabels: { pipeline: 'shop', stage: 'production' } } },
      ],
    });
    expect(
      ofKind(hub, 'Application').map(({ metadata, spec }) => [metadata.name, metadata.labels?.stage, (spec as { destination: object }).destination]),
    ).toEqual(
      ['staging', 'production'].flatMap((stage) =>
        ['shop', 'web'].map((app) => [`${app}-${stage}`, stage, { cluster: { name: 'hub' }, namespace: `shop-${stage}` }]),
      ),
    );
  });

  it('let the service account do what `edit` may in the namespaces of the stages, and the Cluster name nothing else', () => {
    const { hub, destinations } = planned();
    expect(ofKind(hub, 'Cluster').map(({ spec }) => spec)).toEqual([
      {
        connection: { type: 'hub', hub: {} },
        rules: [{ hubNamespaces: ['shop'], namespaces: ['shop-staging', 'shop-production'], serviceAccounts: ['sluice-deployer'] }],
      },
    ]);
    expect(destinations.flatMap(({ objects }) => ofKind(objects, 'RoleBinding'))).toMatchObject(
      ['shop-staging', 'shop-production'].map((namespace) => ({
        metadata: { namespace },
        roleRef: { kind: 'ClusterRole', name: 'edit' },
        subjects: [{ kind: 'ServiceAccount', name: 'sluice-deployer', namespace }],
      })),
    );
  });

  it('put stages on clusters of their own into one namespace there, and take the namespace that a kustomization names', () => {
    const { destinations } = planned(
      { destinationContext: ['staging=s', 'production=p'] },
      { namespaces: new Map([['services/web/overlays/production', 'web']]) },
    );
    expect(destinations.map(({ cluster, access, objects }) => [cluster, access, ofKind(objects, 'Namespace').map(({ metadata }) => metadata.name)])).toEqual([
      ['staging', { context: 's' }, ['shop']],
      ['production', { context: 'p' }, ['shop', 'web']],
    ]);
  });

  it.each([
    {
      what: 'two stages that would write the same objects',
      more: { destinationNamespace: ['staging=one', 'production=one'] },
      says: /^stages staging and production: would write the same objects.*namespace one/,
    },
    {
      what: 'a namespace that the kustomization contradicts',
      more: { destinationNamespace: ['staging=one'] },
      found: { namespaces: new Map([['services/web/overlays/staging', 'two']]) },
      says: /puts its objects into namespace two, not into one/,
    },
    { what: 'a destination of no stage', more: { destinationContext: ['qa=c'] }, says: /qa=: names no stage: there are staging, production/ },
  ])('are refused: $what', ({ more, found, says }) => {
    expect(problemsOf(plan(more, found)).join('\n')).toMatch(says);
  });

  it('say all that is wrong with the answers at once', () => {
    const problems = problemsOf(
      plan({ repositoryUrl: 'https://me:pw@git.example/acme/shop.git', name: 'Shop', stages: 'a,a', host: 'svn', destinationContext: ['x'], path: ['../x'] }),
    );
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      '--repository-url',
      '--name',
      '--namespace',
      '--host',
      '--stages',
      '--path ../x',
      '--destination-context x',
    ]);
    expect(problems.join('\n')).not.toContain('pw');
  });

  it('are written in the order in which they are applied, with placeholders for every secret', () => {
    const files = writtenFiles(planned({ destinationContext: ['production=p'] }), {});
    expect(files.map(({ name }) => name)).toEqual(['destination-production.yaml', 'hub-namespace.yaml', 'hub-secrets.yaml', 'hub-resources.yaml']);
    const text = files.map(yamlText).join('');
    expect(text.match(/REPLACE-ME$/gm)).toHaveLength(3);
    expect(text).toContain('name: production-kubeconfig');
  });
});

it('a Cluster that serves others already keeps their rules', () => {
  const rule = (namespaces: readonly string[], hubNamespaces = ['shop']) => ({ hubNamespaces, namespaces, serviceAccounts: ['d'] });
  const cluster = (rules: readonly object[]) =>
    ({
      apiVersion: 'sluice.dev/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'hub', namespace: 'shop' },
      spec: { connection: {}, rules },
    }) as unknown as Manifest;
  const other = rule(['x'], ['other']);
  expect(withRulesOf(cluster([rule(['a', 'b'])]), cluster([other, rule(['a'])])).spec).toMatchObject({ rules: [other, rule(['a', 'b'])] });
  expect(withRulesOf(cluster([rule(['a'])]), undefined).spec).toMatchObject({ rules: [rule(['a'])] });
});
