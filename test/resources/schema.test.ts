import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { structural } from '../../src/resources/crd.ts';
import { commitId, flag, integer, list, mapOf, name, objectName, oneOf, optional, record, text, variant } from '../../src/resources/schema.ts';

describe('the vocabulary', () => {
  const spec = record({
    name: name(),
    size: oneOf(['small', 'large'], { default: 'small' }),
    labels: mapOf(text({ maxLength: 63 }), { maxProperties: 8 }),
    parts: list(record({ name: name(), on: flag({ default: true }) }), { maxItems: 3, key: 'name' }),
    count: optional(integer({ maximum: 9 })),
    kind: variant({ plain: record({}), loud: record({ volume: integer() }) }),
  });

  it('gives the structural schema of a CustomResourceDefinition', () => {
    expect(JSON.parse(JSON.stringify(structural(spec, 'spec')))).toEqual({
      type: 'object',
      required: ['name', 'labels', 'parts', 'kind'],
      properties: {
        name: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
        size: { type: 'string', enum: ['small', 'large'], default: 'small' },
        labels: { type: 'object', additionalProperties: { type: 'string', minLength: 1, maxLength: 63 }, maxProperties: 8 },
        parts: {
          type: 'array',
          maxItems: 3,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
              on: { type: 'boolean', default: true },
            },
          },
        },
        count: { type: 'integer', minimum: 0, maximum: 9 },
        kind: {
          type: 'object',
          required: ['type'],
          properties: {
            type: { type: 'string', enum: ['plain', 'loud'], description: expect.stringContaining('Which of the cases') },
            plain: { type: 'object', properties: {} },
            loud: { type: 'object', required: ['volume'], properties: { volume: { type: 'integer', minimum: 0, maximum: 1e15 } } },
          },
          'x-kubernetes-validations': [
            {
              rule: "(self.type == 'plain') == has(self.plain) && (self.type == 'loud') == has(self.loud)",
              message: 'exactly the field that type names must be set: plain or loud',
            },
          ],
        },
      },
    });
  });

  it('checks values with the very same schema', () => {
    const good = { name: 'web', size: 'large', labels: { a: 'b' }, parts: [{ name: 'x', on: false }], kind: { type: 'plain', plain: {} } };
    expect(Check(spec, good)).toBe(true);
    for (const bad of [
      { ...good, name: 'Web' },
      { ...good, size: 'huge' },
      { ...good, count: 10 },
      { ...good, count: 1.5 },
      { ...good, labels: { a: 1 } },
      { ...good, kind: { type: 'soft' } },
    ])
      expect(Check(spec, bad)).toBe(false);
  });

  it.each([
    ['a union', Type.Union([Type.String(), Type.Number()])],
    ['a literal', Type.Literal('x')],
    ['an intersection', Type.Intersect([record({ a: flag() }), record({ b: flag() })])],
    ['a tuple', Type.Tuple([Type.String()])],
    ['anything', Type.Unknown()],
    ['a reference', Type.Ref('other')],
    ['properties beside additional ones', Type.Unsafe({ type: 'object', properties: {}, additionalProperties: { type: 'string' } })],
    ['a word of JSON Schema that is not structural', Type.String({ contentEncoding: 'base64' })],
  ])('refuses %s, wherever it stands, and says where', (_, schema) => {
    expect(() => structural(schema, 'spec')).toThrow(/^spec: /);
    expect(() => structural(record({ field: schema }), 'spec')).toThrow(/^spec\.field: /);
    expect(() => structural(list(schema, { maxItems: 1 }), 'spec')).toThrow(/^spec\[\]: /);
    expect(() => structural(mapOf(schema, { maxProperties: 1 }), 'spec')).toThrow(/^spec\{\}: /);
  });

  it.each([
    [name(), ['a', 'web-2'], ['', 'Web', '-a', 'a.b', 'a'.repeat(64)]],
    [objectName(), ['a', 'web.2'], ['', 'Web', '.a', 'a'.repeat(254)]],
    [commitId(), ['a'.repeat(40)], ['', 'a'.repeat(39), 'A'.repeat(40), 'g'.repeat(40)]],
  ])('knows names and commit ids', (schema, good, bad) => {
    for (const value of good) expect(Check(schema, value)).toBe(true);
    for (const value of bad) expect(Check(schema, value)).toBe(false);
  });
});
