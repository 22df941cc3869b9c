import type { Live } from '../diff/diff.ts';
import { ownerOf } from '../diff/ownership.ts';
import { groupOf, type Manifest, type ResourceId, resourceKey } from '../model/manifest.ts';
import { isPortError } from '../model/port-error.ts';
import { parseReference, type Reference, referenceText, sameReference } from '../model/reference.ts';
import type { Application } from '../resources/application.ts';
import type { Repository } from '../resources/repository.ts';
import { referenceOf, resolveReference } from '../resources/resource.ts';
import { checkout } from './checkout.ts';
import { mayDeploy } from './permission.ts';
import type { Ports } from './ports.ts';
import { renderRequestOf } from './render-source.ts';
import { wantedRevision } from './wanted.ts';

/**
 * The other Applications of this hub, as far as objects move between them and this one: such an object is handed over, never pruned.
 * Nothing here throws for what is wrong with another Application: where nobody can tell what it wants, nothing moves.
 */
export type HandOver = {
  /** Whether the Application that an object says it belongs to is of this hub and no longer wants it. `hash` is the object's label. */
  gaveUp(owner: string, hash: string | undefined, id: ResourceId): Promise<boolean>;
  /** Who else wants an object now, by resourceKey. */
  wantedElsewhere(orphans: readonly Live[]): Promise<ReadonlyMap<string, Reference>>;
};

type Wanting = { readonly isSettled: boolean; wants(): Promise<readonly Manifest[] | undefined> };

export function openHandOver(application: Application, ports: Ports, signal: AbortSignal): HandOver {
  const repositories = new Map<string, Promise<Repository | undefined>>();

  /** Read afresh, once per look: what this process last saw may be older than the push that moved an object. */
  function repositoryOf(other: Application): Promise<Repository | undefined> {
    const reference = resolveReference(other, other.spec.source.repository);
    const known = repositories.get(referenceText(reference)) ?? ports.hub.read('Repository', reference, signal);
    repositories.set(referenceText(reference), known);
    return known;
  }

  /** What another Application wants now; undefined where it cannot be told, or where it would not be done. */
  async function wantingOf(other: Application): Promise<Wanting | undefined> {
    const repository = await repositoryOf(other);
    const cluster = ports.hub.seen('Cluster', clusterOf(other));
    if (repository === undefined || cluster === undefined || other.spec.suspend) return undefined;
    const permission = mayDeploy(other, repository, cluster);
    const wanted = wantedRevision(other, repository, ports.hub.list('Pipeline', other.metadata.namespace));
    if (!permission.ok || !wanted.ok || wanted.value.is !== 'wanted') return undefined;

    const { files } = await checkout(ports.source, await ports.accessTo(repository, signal), wanted.value.wanted, signal);
    const request = renderRequestOf(other, files, async (within) =>
      (await ports.destinations.open(referenceOf(cluster), permission.value, signal)).capabilities(within),
    );
    return {
      // Whoever has applied all that it reads has what it wants under its own label.
      isSettled: other.status?.sync?.state === 'Synced' && other.status.inputs === (await ports.inputsOf(request)),
      async wants() {
        const rendered = await ports.render(request, signal);
        return rendered.ok ? rendered.value.manifests : undefined;
      },
    };
  }

  const unlessBroken = async <T>(asked: Promise<T>): Promise<T | undefined> => {
    try {
      return await asked;
    } catch (error) {
      if (!isPortError(error) || signal.aborted) throw error;
      return undefined;
    }
  };

  return {
    async gaveUp(owner, hash, id) {
      const reference = parseReference(owner);
      if (reference === undefined || ownerOf(ports.installation, reference, '').hash !== hash) return false;
      const other = await ports.hub.read('Application', reference, signal);
      if (other === undefined) return true;
      const manifests = await unlessBroken(wantingOf(other).then((wanting) => wanting?.wants()));
      return manifests !== undefined && !manifests.some((manifest) => isSame(manifest, id, other));
    },
    async wantedElsewhere(orphans) {
      const wanted = new Map<string, Reference>();
      if (orphans.length === 0) return wanted;
      const own = referenceOf(application);
      for (const other of ports.hub.list('Application')) {
        if (sameReference(referenceOf(other), own) || !sameReference(clusterOf(other), clusterOf(application))) continue;
        const manifests = await unlessBroken(wantingOf(other).then((wanting) => (wanting?.isSettled === false ? wanting.wants() : undefined)));
        for (const { id } of orphans) if (manifests?.some((manifest) => isSame(manifest, id, other))) wanted.set(resourceKey(id), referenceOf(other));
      }
      return wanted;
    },
  };
}

const clusterOf = (application: Application): Reference => resolveReference(application, application.spec.destination.cluster);

function isSame({ apiVersion, kind, metadata }: Manifest, id: ResourceId, { spec }: Application): boolean {
  if (kind !== id.kind || groupOf(apiVersion) !== id.group || metadata.name !== id.name) return false;
  return id.namespace === undefined || (metadata.namespace ?? spec.destination.namespace) === id.namespace;
}
