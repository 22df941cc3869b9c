/** A custom resource of the hub, as jobs, logs and statuses name it: `namespace/name`. */
export type Reference = { readonly namespace: string; readonly name: string };

export const referenceText = ({ namespace, name }: Reference): string => `${namespace}/${name}`;

export function parseReference(text: string): Reference | undefined {
  const [namespace, name, ...rest] = text.split('/');
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

export const sameReference = (a: Reference, b: Reference): boolean => a.namespace === b.namespace && a.name === b.name;
