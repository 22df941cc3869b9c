import type { ApiServer } from '../../adapters/api-server.ts';
import { at, type JsonObject } from '../../model/json.ts';
import type { PolicyRule } from '../../resources/rights.ts';
import { concurrently } from '../../sync/concurrently.ts';
import type { Identity } from '../../sync/destination.ts';
import { type Finding, fail, ok, type Subject, type Tried, tried, warn } from './finding.ts';

/** One question of RBAC; without a namespace it is for all of them. */
export type Right = { readonly group: string; readonly resource: string; readonly verb: string; readonly namespace?: string };
export type Reviewed = Right & { readonly allowed: boolean };

/** Whose rights: those that the requests have, those of an account that they impersonate, or those of a user that they only ask about. */
export type Whose = { readonly of: 'caller' } | { readonly of: 'account'; readonly account: Identity } | { readonly of: 'user'; readonly user: string };

const atOnce = 8;

export const rightsOf = (rules: readonly PolicyRule[], namespace?: string): readonly Right[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb): Right => ({ group, resource, verb, ...(namespace === undefined ? {} : { namespace }) }))),
    ),
  );

/** Asks the API server. Nothing is ever created by it. */
export async function review(server: ApiServer, rights: readonly Right[], whose: Whose, signal: AbortSignal): Promise<Tried<readonly Reviewed[]>> {
  return tried(
    concurrently(rights, atOnce, (right) => reviewOne(server, right, whose, signal)).then((results) =>
      results.map((result) => {
        if (result.status === 'rejected') throw result.reason;
        return result.value;
      }),
    ),
  );
}

async function reviewOne(server: ApiServer, right: Right, whose: Whose, signal: AbortSignal): Promise<Reviewed> {
  const { group, resource, verb, namespace } = right;
  const resourceAttributes: JsonObject = { group, resource, verb, namespace };
  const kind = whose.of === 'user' ? 'SubjectAccessReview' : 'SelfSubjectAccessReview';
  const { body } = await server.send({
    method: 'POST',
    path: `/apis/authorization.k8s.io/v1/${kind.toLowerCase()}s`,
    body: { apiVersion: 'authorization.k8s.io/v1', kind, spec: { resourceAttributes, ...(whose.of === 'user' ? subjectOf(whose.user) : {}) } },
    ...(whose.of === 'account' ? { as: whose.account } : {}),
    signal,
  });
  return { ...right, allowed: at(body, 'status', 'allowed') === true };
}

/** The groups that the API server adds by itself when this user comes. */
function subjectOf(user: string): JsonObject {
  const [, namespace] = /^system:serviceaccount:([^:]+):/.exec(user) ?? [];
  const groups = [...(namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]), 'system:authenticated'];
  return { user, groups };
}

/** Rights on everything (`*`) may be left out by who names the kinds instead: that is worth a word, not a failure. */
export function judgeRights(subject: Subject, who: string, reviewed: Tried<readonly Reviewed[]>, mend: string): Finding {
  if (!reviewed.ok) return warn(subject, `cannot be asked: ${reviewed.says}`, 'ask with a kubeconfig that may create access reviews');
  const missing = reviewed.value.filter(({ allowed }) => !allowed);
  if (missing.length === 0) return ok(subject, `${who} may do what Sluice needs (${reviewed.value.length} rights)`);
  const wanting = missing.filter(({ resource }) => resource !== '*');
  if (wanting.length > 0) return fail(subject, `${who} may not ${describeRights(wanting)}`, mend);
  return warn(
    subject,
    `${who} may not ${describeRights(missing)}`,
    'fine when its role names the kinds that Applications hold; what it does not name cannot be watched',
  );
}

/** By resource, with the verbs that are missing: `get, list secrets; create leases.coordination.k8s.io in sluice-system`. */
function describeRights(rights: readonly Right[]): string {
  const byResource = Map.groupBy(rights, ({ group, resource, namespace }) => {
    const what = resource === '*' ? (group === '*' ? 'everything' : `everything of ${group}`) : group === '' ? resource : `${resource}.${group}`;
    return `${what}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
  });
  return [...byResource].map(([what, same]) => `${same.map(({ verb }) => verb).join(', ')} ${what}`).join('; ');
}
