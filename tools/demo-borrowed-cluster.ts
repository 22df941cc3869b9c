import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { rightsFiles } from './control-plane.ts';
import { type BorrowedRun, borrowedLayout, borrowedRun, labelled, placed, runLabel } from './demo-borrowed-layout.ts';
import { type Context, describeSome, itemsOf, removalByHand } from './demo-context.ts';
import { type DemoCluster, destinationFile, listOf, type Resource, readResources, type ShopLayout } from './demo-resources.ts';
import type { SluiceEnvironment } from './demo-sluice.ts';
import type { Say } from './run-program.ts';

/** A cluster of the user's with the namespaces, the rights and the kinds that the story needs. Disposed, it is as it was. */
export type BorrowedCluster = AsyncDisposable & {
  readonly layout: ShopLayout;
  /** Refuses once it is given back, so that nothing is made after the removal. */
  readonly cluster: DemoCluster;
  /** YAML text with a token of the service account that Sluice runs as. */
  readonly sluiceKubeconfig: string;
  readonly environment: SluiceEnvironment;
};

const bindingsFile = join(import.meta.dirname, 'sluice-bindings.yaml');
const serviceAccount = 'sluice';
const tokenDuration = '12h';

/** A new run, whose id nothing on the cluster carries. */
export const newRun = (): BorrowedRun => borrowedRun(randomBytes(4).toString('hex'));

/** Makes what the demo needs there; what was made is removed again when a part fails. */
export async function borrowCluster(context: Context, run: BorrowedRun, say: Say): Promise<BorrowedCluster> {
  const { id, namespaces } = run;
  const asked = new Set<Promise<unknown>>();
  let givenBack = false;
  const kubectl: DemoCluster['kubectl'] = async (args, options) => {
    if (givenBack) throw new Error(`the cluster of context ${context.cluster.name} is given back`);
    const answer = context.cluster.kubectl(args, options);
    asked.add(answer);
    return answer.finally(() => asked.delete(answer));
  };
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    givenBack = true;
    await Promise.allSettled(asked);
    await removeRun(context.cluster, id, say);
  });

  const { missingCrds } = context;
  if (missingCrds.length > 0) {
    await kubectl(['create', '-f', '-'], { input: listOf(missingCrds.map((crd) => labelled(run, crd))) });
    const names = missingCrds.map(({ metadata }) => `customresourcedefinition/${metadata.name}`);
    await kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...names]);
  }
  await kubectl(['create', '-f', '-'], { input: listOf([...(await identity(run)), ...(await stageResources(run))]) });
  const token = (await kubectl(['create', 'token', serviceAccount, '-n', namespaces.system, `--duration=${tokenDuration}`])).trim();
  say(`${context.cluster.name}: namespaces, rights and kinds of run ${id} are there`);

  const made = stack.move();
  return {
    layout: borrowedLayout(run),
    cluster: { ...context.cluster, kubectl },
    sluiceKubeconfig: kubeconfigText(context, token),
    environment: { SLUICE_NAMESPACE: namespaces.system, SLUICE_INSTALLATION: run.prefix },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** The rights in deploy/ for a service account in a namespace of this run, under names of this run. */
async function identity(run: BorrowedRun): Promise<readonly Resource[]> {
  const { system } = run.namespaces;
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace: system }];
  const own = (name: string) => name.replace(/^sluice-/, `${run.prefix}-`);
  const files = [...rightsFiles('hub'), ...rightsFiles('destination'), bindingsFile];
  const resources = (await Promise.all(files.map(readResources))).flat().map((resource): Resource => {
    switch (resource.kind) {
      case 'ClusterRole':
        return { ...resource, metadata: { ...resource.metadata, name: own(resource.metadata.name) } };
      case 'ClusterRoleBinding': {
        const { roleRef } = resource as Resource & { readonly roleRef: { readonly name: string } };
        const bound = {
          ...resource,
          metadata: { ...resource.metadata, name: own(resource.metadata.name) },
          roleRef: { ...roleRef, name: own(roleRef.name) },
          subjects,
        };
        return bound;
      }
      case 'RoleBinding':
        return placed(run, Object.assign({}, resource, { subjects }), system);
      default:
        return placed(run, resource, system);
    }
  });
  const account: Resource = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: serviceAccount, namespace: system } };
  return namespacesFirst([...resources, account].map((resource) => labelled(run, resource)));
}

/** The hub's namespace, and examples/shop/destination once for each stage. */
async function stageResources(run: BorrowedRun): Promise<readonly Resource[]> {
  const { hub, staging, production } = run.namespaces;
  const resources = await readResources(destinationFile);
  const inStage = (namespace: string) =>
    resources.map((resource) => {
      const { subjects } = resource as Resource & { readonly subjects?: readonly object[] };
      const moved = placed(run, resource, namespace);
      return subjects === undefined ? moved : { ...moved, subjects: subjects.map((subject) => ({ ...subject, namespace })) };
    });
  const hubNamespace = labelled(run, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: hub } });
  return namespacesFirst([hubNamespace, ...inStage(staging), ...inStage(production)]);
}

const namespacesFirst = (resources: readonly Resource[]): readonly Resource[] =>
  resources.toSorted((a, b) => Number(b.kind === 'Namespace') - Number(a.kind === 'Namespace'));

/** JSON is YAML. */
const kubeconfigText = ({ cluster, connection }: Context, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': cluster.name,
    clusters: [{ name: cluster.name, cluster: connection }],
    contexts: [{ name: cluster.name, context: { cluster: cluster.name, user: serviceAccount } }],
    users: [{ name: serviceAccount, user: { token } }],
  });

/** Removes what carries the run's id. Throws with the command to do it by hand when that fails. */
async function removeRun({ name, kubectl }: DemoCluster, id: string, say: Say): Promise<void> {
  const selector = ['-l', `${runLabel}=${id}`];
  say(`${name}: removing what carries ${runLabel}=${id}; if that is cut short: ${removalByHand(name, id)}`);
  try {
    await kubectl(['delete', 'clusterrolebindings,clusterroles', ...selector]);
    await kubectl(['delete', 'namespaces', ...selector, '--wait=true', '--timeout=180s']);
    await removeCrds(kubectl, selector, say);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `not everything of run ${id} could be removed: ${reason}\n  To remove the rest: ${removalByHand(name, id)}`;
    say(message); // whoever has stopped the demo hears of no error
    throw new Error(message, { cause: error });
  }
  say(`${name}: everything of run ${id} is removed`);
}

/** Of those that this run made. With one of them in use all five are: Sluice does not start without the others. */
async function removeCrds(kubectl: DemoCluster['kubectl'], selector: readonly string[], say: Say): Promise<void> {
  const names = itemsOf(await kubectl(['get', 'customresourcedefinitions', ...selector, '-o', 'json'])).map(({ metadata }) => metadata.name);
  if (names.length === 0) return;
  const users = itemsOf(await kubectl(['get', names.join(','), '--all-namespaces', '-o', 'json']));
  if (users.length === 0) await kubectl(['delete', 'customresourcedefinitions', ...selector, '--timeout=60s']);
  else say(`  left there: the CRDs ${names.join(', ')}, because others have come to use them: ${describeSome(users)}`);
}
