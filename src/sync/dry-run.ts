import type { Desired } from '../diff/desired.ts';
import { withApplied } from '../diff/desired.ts';
import { type Cause, type Change, changeOf, type Live } from '../diff/diff.ts';
import { applicationLabel, type Owner, ownerNamedBy } from '../diff/ownership.ts';
import { describeId, groupKindText, type LiveObject, type ResourceId } from '../model/manifest.ts';
import type { Problem } from '../model/parsed.ts';
import { isPortError, type PortError } from '../model/port-error.ts';
import { referenceText } from '../model/reference.ts';
import { concurrently } from './concurrently.ts';
import type { Destination, ServedKind } from './destination.ts';
import type { HandOver } from './hand-over.ts';

export type Unproven = { readonly desired: Desired; readonly live?: Live; readonly cause: Cause };

/** What the same sync will have made by the time an object's turn comes. */
export type Coming = { readonly kinds: ReadonlySet<string>; readonly namespaces: ReadonlySet<string>; readonly roles: ReadonlySet<string> };

export type DryRunContext = {
  readonly kinds: ReadonlyMap<string, ServedKind>;
  readonly owner: Owner;
  readonly adopt: 'unmanaged' | 'never';
  readonly coming: Coming;
  /** Asks the hub whether the Application that an object belongs to no longer wants it; missing where there is nobody to ask. */
  readonly gaveUp?: HandOver['gaveUp'];
  /** Where in the repository an object was written, for messages. */
  readonly originOf: (desired: Desired) => string | undefined;
};

export type DryRuns = { readonly changes: readonly Change[]; readonly refused: readonly Problem[] };

export const parallelRequests = 64;

/** Asks the API server what it would do with each object. Nothing is stored; every refusal is collected. */
export async function dryRunAll(unproven: readonly Unproven[], destination: Destination, context: DryRunContext, signal: AbortSignal): Promise<DryRuns> {
  const results = await concurrently(unproven, parallelRequests, (each) => dryRunOne(each, destination, context, signal));
  const thrown = results.find((result) => result.status === 'rejected');
  if (thrown !== undefined) throw thrown.reason;
  const answers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return {
    changes: answers.flatMap((answer) => ('change' in answer ? [answer.change] : [])),
    refused: answers.flatMap((answer) => ('problem' in answer ? [answer.problem] : [])),
  };
}

type Answer = { readonly change: Change } | { readonly problem: Problem };

export async function dryRunOne({ desired, live, cause }: Unproven, destination: Destination, context: DryRunContext, signal: AbortSignal): Promise<Answer> {
  const refuse = (message: string): Answer => ({ problem: { at: placeOf(desired, context), message } });
  const kind = context.kinds.get(groupKindText(desired.id));
  if (kind === undefined) {
    if (context.coming.kinds.has(groupKindText(desired.id)))
      return { change: { type: 'deferred', desired, why: 'its CustomResourceDefinition is part of this sync' } };
    return refuse(
      `the cluster does not serve ${desired.manifest.apiVersion} ${desired.manifest.kind}: correct the apiVersion or kind, or install its CustomResourceDefinition`,
    );
  }
  try {
    const { created, object } = await destination.dryRun(kind, withApplied(desired, 'pending'), signal);
    if (live !== undefined || created) return { change: changeOf(desired, live, cause, object.metadata) };

    const existing = await destination.read(kind, desired.id, signal);
    if (existing === undefined) return { change: changeOf(desired, undefined, cause, object.metadata) };
    const refusal = await whyNotOurs(existing, desired.id, context);
    return refusal === undefined ? { change: changeOf(desired, { id: desired.id, metadata: existing.metadata }, cause, object.metadata) } : refuse(refusal);
  } catch (error) {
    if (!isPortError(error, 'INVALID', 'FORBIDDEN', 'NOT_FOUND')) throw error;
    const why = deferral(error, desired, context.coming);
    return why === undefined ? refuse(advice(error, desired)) : { change: { type: 'deferred', desired, why } };
  }
}

/** Why an object that exists and is not among our members may not be taken over; undefined when it may. */
async function whyNotOurs(existing: LiveObject, id: ResourceId, { owner, adopt, gaveUp }: DryRunContext): Promise<string | undefined> {
  const named = ownerNamedBy(existing.metadata);
  const label = existing.metadata.labels?.[applicationLabel];
  if (named !== undefined && (named !== referenceText(owner.application) || (label !== undefined && label !== owner.hash))) {
    if (await gaveUp?.(named, label, id)) return undefined;
    return `belongs to Application ${named}${named === referenceText(owner.application) ? ' of another installation' : ''}, and Application ${referenceText(owner.application)} renders it too: take it out of one of them`;
  }
  if (named === undefined && adopt === 'never')
    return 'exists already and spec.sync.adopt is never: remove the object, or set adopt to unmanaged to take it over';
  return undefined;
}

/** A dry-run that fails only because something of the same sync is not there yet, or because a webhook refuses dry-runs. */
function deferral(error: PortError, { id: { namespace = '' } }: Desired, coming: Coming): string | undefined {
  const { kind = '', name = '' } = error.details ?? {};
  // Whoever has rights in single namespaces only is told FORBIDDEN, not NOT_FOUND, of one that does not exist.
  const missing = error.code === 'FORBIDDEN' || (error.code === 'NOT_FOUND' && kind === 'namespaces' && name === namespace);
  if (missing && coming.namespaces.has(namespace)) return `namespace ${namespace} is part of this sync`;
  if (isRoleMissing(error) && coming.roles.has(name)) return `role ${name} is part of this sync`;
  if (error.message.includes('does not support dry run')) return 'an admission webhook refuses dry-runs';
  return undefined;
}

/** A role that a binding names and that is not there. The API server (1.36) says its name, and of the kind only that of the request: the binding. */
function isRoleMissing({ code, details: { kind = '' } = {} }: PortError): boolean {
  return code === 'NOT_FOUND' && /^(cluster)?role(binding)?s(\.|$)/.test(kind);
}

function advice(error: PortError, desired: Desired): string {
  const { kind = '', name = '' } = error.details ?? {};
  if (isRoleMissing(error)) return `role ${name} does not exist: create it, or render it`;
  if (error.code === 'NOT_FOUND' && kind === 'namespaces')
    return `namespace ${name || desired.id.namespace} does not exist: create it, render it, or set spec.sync.createNamespace`;
  return error.message;
}

export function placeOf(desired: Desired, { originOf }: Pick<DryRunContext, 'originOf'>): string {
  const origin = originOf(desired);
  return origin === undefined ? describeId(desired.id) : `${origin} (${describeId(desired.id)})`;
}

/** When an object's turn comes, nothing is coming any more. */
export const nothingComing: Coming = { kinds: new Set(), namespaces: new Set(), roles: new Set() };

export function comingOf(desired: readonly Desired[], kinds: ReadonlySet<string>, namespaces: readonly string[]): Coming {
  const named = (...words: readonly string[]) => desired.filter(({ id }) => words.includes(id.kind)).map(({ id }) => id.name);
  return { kinds, namespaces: new Set([...named('Namespace'), ...namespaces]), roles: new Set(named('Role', 'ClusterRole')) };
}
