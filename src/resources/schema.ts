import { type Static, type TObject, type TSchema, Type } from 'typebox';

/**
 * The small vocabulary in which custom resources are written. Each word yields a TypeBox schema that is a structural Kubernetes schema
 * as well, so one source gives the type, the check and the CRD. Everything that CEL or etcd has to bound is bounded here.
 */

type Rule = { readonly rule: string; readonly message: string };
type Words = { readonly description?: string; readonly default?: unknown };

const rules = (list: readonly Rule[] | undefined) => (list === undefined ? {} : { 'x-kubernetes-validations': list });

export const text = (
  options: Words & { readonly maxLength?: number; readonly minLength?: number; readonly pattern?: string; readonly rules?: readonly Rule[] } = {},
) => {
  const { rules: checks, ...rest } = options;
  return Type.String({ minLength: 1, maxLength: 1024, ...rest, ...rules(checks) });
};

/** An RFC 1123 label: what Kubernetes accepts as a name. */
export const name = (options: Words = {}) => text({ maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', ...options });

/** A resource's name may be a DNS subdomain. */
export const objectName = (options: Words = {}) => text({ maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', ...options });

export const commitId = (options: Words = {}) => text({ maxLength: 40, pattern: '^[0-9a-f]{40}$', ...options });

export const time = (options: Words = {}) => Type.String({ format: 'date-time', ...options });

export const flag = (options: Words = {}) => Type.Boolean(options);

export const integer = (options: Words & { readonly minimum?: number; readonly maximum?: number } = {}) =>
  Type.Integer({ minimum: 0, maximum: 1_000_000_000_000_000, ...options });

export const oneOf = <const Word extends string>(words: readonly Word[], options: Words = {}) => Type.Unsafe<Word>({ type: 'string', enum: words, ...options });

export const list = <Item extends TSchema>(
  item: Item,
  options: Words & { readonly maxItems: number; readonly minItems?: number; readonly key?: string; readonly rules?: readonly Rule[] },
) => {
  const { key, rules: checks, ...rest } = options;
  return Type.Array(item, {
    ...rest,
    ...(key === undefined ? {} : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] }),
    ...rules(checks),
  });
};

export const mapOf = <Value extends TSchema>(value: Value, options: Words & { readonly maxProperties: number }) =>
  Type.Unsafe<Readonly<Record<string, Static<Value>>>>({ type: 'object', additionalProperties: value, ...options });

export const record = <Fields extends Record<string, TSchema>>(fields: Fields, options: Words & { readonly rules?: readonly Rule[] } = {}) => {
  const { rules: checks, ...rest } = options;
  return Type.Object(fields, { ...rest, ...rules(checks) });
};

export const optional = Type.Optional;

type Cases = Readonly<Record<string, TObject>>;
type Variant<C extends Cases> = { [Case in keyof C & string]: { readonly type: Case } & { readonly [K in Case]: Static<C[K]> } }[keyof C & string];

/** Exactly one of several cases: `type` names it and the field of that name holds it. */
export const variant = <C extends Cases>(cases: C, options: Words = {}) => {
  const names = Object.keys(cases);
  const properties = { type: { type: 'string', enum: names, description: 'Which of the cases it is; the field of that name holds it.' }, ...cases };
  const onlyItsOwn = names.map((each) => `(self.type == '${each}') == has(self.${each})`).join(' && ');
  return Type.Unsafe<Variant<C>>({
    type: 'object',
    required: ['type'],
    properties,
    ...options,
    ...rules([{ rule: onlyItsOwn, message: `exactly the field that type names must be set: ${names.join(' or ')}` }]),
  });
};

export const condition = record({
  type: text({ maxLength: 316, description: 'Ready, Reconciling or Stalled.' }),
  status: oneOf(['True', 'False', 'Unknown'], { description: 'Whether it holds.' }),
  reason: text({ maxLength: 256, description: 'One word, the same in all three; each is explained in docs/reference/conditions.md.' }),
  message: Type.String({ maxLength: 4096, description: 'The place, the reason and the next step.' }),
  lastTransitionTime: time({ description: 'When its status last changed.' }),
  observedGeneration: optional(integer({ description: 'The generation of the resource that it speaks of.' })),
});

export const conditions = list(condition, {
  maxItems: 16,
  key: 'type',
  default: [],
  description: 'How it stands, as kstatus and `kubectl wait` read it.',
});

export const observedGeneration = integer({ description: 'The generation of the specification that this status speaks of.' });

export const localReference = (what: string) =>
  record({ name: objectName({ description: `Name of the ${what}, in the own namespace.` }) }, { description: `The ${what}.` });

export const reference = (what: string) =>
  record(
    {
      name: objectName({ description: `Name of the ${what}.` }),
      namespace: optional(name({ description: `Namespace of the ${what}; the own one when absent. It must allow this namespace.` })),
    },
    { description: `The ${what}.` },
  );
