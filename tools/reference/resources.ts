import { readFileSync } from 'node:fs';
import { at, isJsonObject } from '../../src/model/json.ts';
import { crdOf } from '../../src/resources/crd.ts';
import { apiVersion, type Kind, kinds } from '../../src/resources/kinds.ts';
import { commitId, name, objectName } from '../../src/resources/schema.ts';

export const examplePath = (kind: Kind): string => `examples/reference/${kind.toLowerCase()}.yaml`;

type Schema = Readonly<Record<string, unknown>>;
type Rule = { readonly rule: string; readonly message: string };
type Field = { readonly path: string; readonly schema: Schema; readonly required: boolean };

/** docs/reference/<kind>.md: the example, every field with its bounds, and the rules that the API server checks. */
export function resourceText(kind: Kind): string {
  const crd = crdOf(kind);
  const schema = at(crd, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema') as Schema;
  const shortName = String(at(crd, 'spec', 'names', 'shortNames', 0));
  const spec = fieldsOf('spec', at(schema, 'properties', 'spec') as Schema);
  const status = fieldsOf('status', at(schema, 'properties', 'status') as Schema);
  const rules = spec.flatMap(({ path, schema: each }) => rulesOf(each).map(({ message, rule }) => `- \`${path}\`: ${message}\n\n      ${rule}\n`));
  return `# ${kind}

<!-- Generated from src/resources by \`npm run generate\`. -->

${String(schema.description)}

\`${apiVersion}\`, kind \`${kind}\`, namespaced; \`kubectl get ${kinds[kind]}\` or \`${shortName}\`; \`kubectl explain ${kinds[kind]}.spec\` prints what stands here.
A field that is not listed is refused by kubectl, and by any client that asks for \`fieldValidation=Strict\`; other clients lose it without a word.

## Example

\`\`\`yaml
${readFileSync(new URL(`../../${examplePath(kind)}`, import.meta.url), 'utf8')}\`\`\`

## Specification

${tableOf(spec.slice(1))}
${rules.length === 0 ? '' : `### Rules\n\nThe API server refuses what breaks one of these, with the sentence as its message; below it is the rule in CEL.\n\n${rules.join('\n')}\n`}## Status

Sluice alone writes it.${kind === 'Release' ? ' What the states mean is in [conditions.md](conditions.md#release).' : ` What the reasons of its conditions mean is in [conditions.md](conditions.md#${kind.toLowerCase()}).`}

${tableOf(status.slice(1))}`;
}

/** The schema itself and every field inside it, in the order in which they are declared. */
function fieldsOf(path: string, schema: Schema, required = true): readonly Field[] {
  const item = isJsonObject(schema.items) ? (schema.items as Schema) : undefined;
  const inside = item ?? schema;
  const names = Array.isArray(inside.required) ? (inside.required as string[]) : [];
  const place = item === undefined ? path : `${path}[]`;
  const children = Object.entries((inside.properties ?? {}) as Readonly<Record<string, Schema>>);
  return [{ path: place, schema, required }, ...children.flatMap(([name, child]) => fieldsOf(`${place}.${name}`, child, names.includes(name)))];
}

function tableOf(fields: readonly Field[]): string {
  const rows = fields.map(({ path, schema, required }) => [`\`${path}\``, typeText(schema), presence(schema, required), meaningOf(schema)]);
  return [['field', 'type', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
    .join('');
}

function meaningOf({ description, items }: Schema): string {
  const ofEach = isJsonObject(items) && items.type !== 'object' && typeof items.description === 'string' ? ` Each: ${items.description}` : '';
  return `${String(description)}${ofEach}`;
}

/** Objects whose fields all have defaults have one that says no more than those. */
function presence(schema: Schema, required: boolean): string {
  if (isJsonObject(schema.default)) return 'as its fields';
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\``;
  return required ? 'required' : '';
}

function typeText(schema: Schema): string {
  if (Array.isArray(schema.enum)) return (schema.enum as string[]).map((word) => `\`${word}\``).join(', ');
  switch (schema.type) {
    case 'string':
      return textOfType(schema);
    case 'integer':
      return `whole number${range(schema.minimum, Number(schema.maximum) >= 1e15 ? undefined : schema.maximum)}`;
    case 'boolean':
      return '`true`, `false`';
    case 'array': {
      const items = schema.items as Schema;
      const keys = (schema['x-kubernetes-list-map-keys'] as string[] | undefined) ?? [];
      const keyed = keys.length === 0 ? '' : `, no two with the same ${keys.map((key) => `\`${key}\``).join(' and ')}`;
      const each = items.type === 'object' ? '' : `, each ${typeText(items)}`;
      return `list of${range(schema.minItems, schema.maxItems)} ${items.type === 'object' ? 'objects' : 'entries'}${keyed}${each}`;
    }
    case 'object':
      if (schema.additionalProperties === undefined) return 'object';
      return `map of${range(undefined, schema.maxProperties)} entries, each ${typeText(schema.additionalProperties as Schema)}`;
    default:
      throw new Error(`the reference knows no ${String(schema.type)}`);
  }
}

/** The patterns of the vocabulary have names that say more than they do. */
const named: ReadonlyMap<unknown, string> = new Map([
  [patternOf(name()), 'name (RFC 1123 label)'],
  [patternOf(objectName()), 'name (DNS subdomain)'],
  [patternOf(commitId()), 'full commit id'],
]);

function patternOf(schema: object): unknown {
  return (schema as Schema).pattern;
}

function textOfType({ format, pattern, maxLength }: Schema): string {
  if (format === 'date-time') return 'time';
  const known = named.get(pattern);
  if (known !== undefined) return known;
  return `text of at most ${String(maxLength)} characters${typeof pattern === 'string' ? ` that matches \`${pattern}\`` : ''}`;
}

function range(least: unknown, most: unknown): string {
  if (least !== undefined && most !== undefined) return ` ${String(least)} to ${String(most)}`;
  if (most !== undefined) return ` at most ${String(most)}`;
  return least === undefined || least === 0 ? '' : ` at least ${String(least)}`;
}

const rulesOf = (schema: Schema): readonly Rule[] => [
  ...((schema['x-kubernetes-validations'] ?? []) as readonly Rule[]),
  ...(isJsonObject(schema.items) ? (((schema.items as Schema)['x-kubernetes-validations'] ?? []) as readonly Rule[]) : []),
];
