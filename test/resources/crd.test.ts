import { readFileSync } from 'node:fs';
import { Default, Errors } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { at } from '../../src/model/json.ts';
import { crdOf, schemasOf } from '../../src/resources/crd.ts';
import { type Kind, kinds } from '../../src/resources/kinds.ts';
import { examplePath } from '../../tools/reference/resources.ts';

const all = Object.keys(kinds) as Kind[];
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const schemaOf = (kind: Kind) => at(plain(crdOf(kind)), 'spec', 'versions', 0, 'schema', 'openAPIV3Schema');

/** Every schema inside one, with its place. */
function inside(schema: unknown, place = ''): (readonly [string, Record<string, unknown>])[] {
  const fields = schema as Record<string, unknown>;
  const children = [
    ...Object.entries((fields.properties ?? {}) as object).map(([name, inner]) => [`${place}.${name}`, inner] as const),
    ...(['items', 'additionalProperties'] as const).flatMap((word) => (typeof fields[word] === 'object' ? [[`${place}[]`, fields[word]] as const] : [])),
  ];
  return [[place, fields], ...children.flatMap(([where, inner]) => inside(inner, where))];
}

describe.each(all)('the definition of %s', (kind) => {
  it('is what stands in deploy/crds: run `npm run generate` when it is not', () => {
    expect(parse(readFileSync(new URL(`../../deploy/crds/${kinds[kind]}.yaml`, import.meta.url), 'utf8'))).toEqual(plain(crdOf(kind)));
  });

  it('is named after its kind and has a status of its own', () => {
    const crd = plain(crdOf(kind));
    expect(at(crd, 'metadata', 'name')).toBe(`${kinds[kind]}.sluice.dev`);
    expect(at(crd, 'spec', 'versions', 0, 'subresources')).toEqual({ status: {} });
    expect(at(crd, 'spec', 'names', 'shortNames')).toHaveLength(1);
  });

  it('says of every field what it means, for `kubectl explain` and the reference', () => {
    for (const [place, schema] of inside(schemaOf(kind))) if (!place.endsWith('[]')) expect(schema.description, place).toMatch(/[.)]$/);
  });

  it('has an example that its schema accepts', () => {
    const example: unknown = parse(readFileSync(examplePath(kind), 'utf8'));
    expect(example).toMatchObject({ apiVersion: 'sluice.dev/v1alpha1', kind });
    const spec = Default(schemasOf(kind).spec, at(example, 'spec'));
    expect(Errors(schemasOf(kind).spec, spec)).toEqual([]);
  });

  it('bounds every list, every map and every text that has no format', () => {
    for (const [place, schema] of inside(schemaOf(kind))) {
      if (schema.type === 'array') expect(schema, place).toHaveProperty('maxItems');
      if (schema.additionalProperties !== undefined) expect(schema, place).toHaveProperty('maxProperties');
      if (schema.type === 'string' && schema.enum === undefined && schema.format === undefined) expect(schema, place).toHaveProperty('maxLength');
    }
  });

  it('has keys for its keyed lists that are required or have a default', () => {
    for (const [place, schema] of inside(schemaOf(kind))) {
      for (const key of (schema['x-kubernetes-list-map-keys'] ?? []) as string[])
        expect((schema.items as { required?: string[] }).required, place).toContain(key);
    }
  });

  it('requires nothing that has a default', () => {
    for (const [place, schema] of inside(schemaOf(kind))) {
      for (const name of (schema.required ?? []) as string[]) expect(at(schema, 'properties', name, 'default'), `${place}.${name}`).toBeUndefined();
    }
  });

  it('shows columns that exist', () => {
    const places = new Set(inside(schemaOf(kind)).map(([place]) => place.replaceAll('[]', '')));
    const columns = at(plain(crdOf(kind)), 'spec', 'versions', 0, 'additionalPrinterColumns') as { jsonPath: string }[];
    for (const { jsonPath } of columns.filter((column) => !column.jsonPath.startsWith('.metadata')))
      expect(places, jsonPath).toContain(jsonPath.replaceAll(/\[[^\]]*\]/g, ''));
  });
});

it('short names do not collide', () => {
  const short = all.flatMap((kind) => at(crdOf(kind), 'spec', 'names', 'shortNames') as string[]);
  expect(new Set(short).size).toBe(short.length);
});

it('a stage whose deadline does not outlast its soak is refused by the API server', () => {
  const stage = at(schemaOf('Pipeline'), 'properties', 'spec', 'properties', 'stages', 'items', 'properties', 'verify');
  expect(at(stage, 'x-kubernetes-validations')).toEqual([
    { rule: expect.stringContaining('self.deadlineSeconds > self.soakSeconds'), message: expect.stringContaining('longer than soakSeconds') },
  ]);
});
