import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { identityObjects } from '../../src/cli/init/destination-access.ts';
import { credentialsRole, credentialsRules, destinationRoles, hubRules, ownNamespaceRules, type PolicyRule } from '../../src/resources/rights.ts';

type Rule = PolicyRule & { readonly resourceNames?: readonly string[] };
type Installed = { readonly kind: string; readonly metadata: { readonly name: string }; readonly rules?: readonly Rule[] };

const read = (file: string): readonly Installed[] =>
  parseAllDocuments(readFileSync(join(import.meta.dirname, '../../deploy', file), 'utf8')).flatMap((document) => (document.toJS() as Installed | null) ?? []);
const rulesOf = (file: string, ...names: readonly string[]): readonly Rule[] =>
  read(file).flatMap(({ metadata, rules = [] }) => (names.includes(metadata.name) ? rules : []));

/** Rights one by one; those that are given for named objects only cannot be asked for without a name. */
const rights = (rules: readonly Rule[]): readonly string[] =>
  rules
    .filter(({ resourceNames }) => resourceNames === undefined)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`))),
    );
const sorted = (texts: readonly string[]): readonly string[] => [...new Set(texts)].toSorted();

it('what Sluice is asked for at the hub is what deploy/ gives it there', () => {
  expect(sorted(rights(hubRules))).toEqual(sorted(rights(rulesOf('rights/hub/cluster-roles.yaml', 'sluice-controller', 'sluice-worker'))));
  expect(sorted(rights(ownNamespaceRules))).toEqual(sorted(rights(rulesOf('rights/hub/own-namespace.yaml', 'sluice-controller', 'sluice-worker'))));
  expect(rights(credentialsRules)).toEqual(rights(rulesOf('rights/hub/cluster-roles.yaml', credentialsRole)));
});

it('what init grants on a destination is deploy/destination', () => {
  const installed = [...read('destination/identity.yaml'), ...read('rights/destination/cluster-roles.yaml')];
  const key = ({ kind, metadata }: { readonly kind: string; readonly metadata: { readonly name: string } }) => `${kind} ${metadata.name}`;
  const byKey = (objects: readonly Parameters<typeof key>[0][]) => objects.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  expect(byKey(identityObjects)).toEqual(byKey(installed));
  expect(Object.keys(destinationRoles)).toEqual(installed.filter(({ kind }) => kind === 'ClusterRole').map(({ metadata }) => metadata.name));
});
