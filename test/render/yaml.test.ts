import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/model/json.ts';
import { describeProblems } from '../../src/model/parsed.ts';
import { readDocuments } from '../../src/render/documents.ts';
import { parseManifests } from '../../src/render/yaml.ts';

const head = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
const namesOf = (text: string) => {
  const parsed = parseManifests(text, 'a.yaml');
  return parsed.ok ? parsed.value.map(({ kind, metadata }) => `${kind} ${metadata.name}`) : describeProblems(parsed.problems).split('\n');
};
const documentOf = (text: string) => {
  const parsed = readDocuments(text, 'a.yaml');
  return parsed.ok ? parsed.value[0]?.value : parsed.problems;
};

describe('manifests', () => {
  it.each([
    ['several documents', `${head}---\n${head.replace('name: a', 'name: b')}`, ['ConfigMap a', 'ConfigMap b']],
    ['documents without content', `---\n---\n# only a comment\n---\nnull\n---\n${head}---\n`, ['ConfigMap a']],
    ['a comment behind a separator', `${head}--- # next\n${head}`, ['ConfigMap a', 'ConfigMap a']],
    ['nothing at all', '', []],
    ['a byte order mark', `\ufeff${head}`, ['ConfigMap a']],
    ['Windows line ends', head.replaceAll('\n', '\r\n'), ['ConfigMap a']],
    ['JSON with tabs and escapes', '{\n\t"apiVersion": "v1",\n\t"kind": "A",\n\t"metadata": {"name": "a\\u002db"}\n}', ['A a-b']],
    [
      'a List',
      `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: a}}\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: B, metadata: {name: b}}]}\n`,
      ['A a', 'B b'],
    ],
    ['a typed list, whose items need no kind', 'apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n', ['ConfigMap a']],
    ['a custom resource whose kind ends in List', 'apiVersion: x/v1\nkind: AllowList\nmetadata: {name: a}\n', ['AllowList a']],
  ])('are read from %s', (_, text, expected) => {
    expect(namesOf(text)).toEqual(expected);
  });

  it('have no empty labels, annotations or namespace', () => {
    expect(parseManifests('apiVersion: v1\nkind: A\nmetadata:\n  name: a\n  namespace: ""\n  labels:\n  annotations: null\n', 'a.yaml')).toEqual({
      ok: true,
      value: [{ apiVersion: 'v1', kind: 'A', metadata: { name: 'a' } }],
    });
  });

  it('report all their problems at once, each with its line', () => {
    expect(
      namesOf(
        `${head}---\nkind: A\nmetadata: {}\n---\n- text\n---\napiVersion: v1\nkind: Job\nmetadata: {generateName: a-}\n---\napiVersion: v1/2/3\nkind: Job\nmetadata: {name: ../x, namespace: ..}\n`,
      ),
    ).toEqual([
      'a.yaml:5: apiVersion is missing',
      'a.yaml:5: metadata.name is missing',
      'a.yaml:8: is a list, not an object with apiVersion, kind and metadata',
      'a.yaml:10: metadata.generateName gives a new object at each sync, which could never be compared with the cluster: set metadata.name',
      'a.yaml:14: apiVersion must read <version> or <group>/<version>',
      'a.yaml:14: metadata.name must not be "." or ".." and must not hold "/" or "%"',
      'a.yaml:14: metadata.namespace must not be "." or ".." and must not hold "/" or "%"',
    ]);
    expect(namesOf('apiVersion: v1\nkind: List\nitems: [text, {apiVersion: v1, kind: A, metadata: {name: 7, labels: {a: 1}, annotations: []}}]')).toEqual([
      'a.yaml:1: items[0]: is text, not an object with apiVersion, kind and metadata',
      'a.yaml:1: items[1]: metadata.name is a number, not text: quote it',
      'a.yaml:1: items[1]: metadata.labels["a"] is a number, not text: quote it',
      'a.yaml:1: items[1]: metadata.annotations is a list, not an object',
    ]);
  });

  it('report the mistakes in the grammar of every document', () => {
    expect(namesOf(`a: [\n---\n${head}---\na: {b\n---\nx: 1\nx: 2\n`)).toEqual([
      expect.stringMatching(/^a\.yaml:2: is not valid YAML: /),
      expect.stringMatching(/^a\.yaml:8: is not valid YAML: /),
      'a.yaml:10: the key stands twice in one mapping',
    ]);
  });

  it.each([
    ['password: *hunter2'],
    ['password: !hunter2 x'],
    ['password: !hunter2{}'],
    ['password: "hunter2\n'],
    ['password: {hunter2'],
    ['hunter2: 1\nhunter2: 2'],
    ['password: &hunter2 &hunter2 a'],
    ['password: !!int hunter2'],
    ['password: !a!hunter2 b'],
    ['password: @hunter2'],
    ['password: `hunter2`'],
    ['password: hunter2: x'],
  ])('never repeat a value in a message: %j', (text) => {
    const parsed = parseManifests(text, 'a.yaml');
    expect(parsed.ok).toBe(false);
    expect(JSON.stringify(parsed)).not.toContain('hunter2');
  });
});

describe('documents', () => {
  // Compared with kubectl 1.36 (`kubectl annotate --local`).
  it.each([
    ['merge keys', 'x: &x {a: 1, b: 2}\nw: {<<: *x, b: 3}', { x: { a: 1, b: 2 }, w: { a: 1, b: 3 } }],
    ['merge keys after what they would overwrite', 'x: &x {a: 1, b: 2}\nw: {b: 3, <<: *x}', { x: { a: 1, b: 2 }, w: { a: 1, b: 3 } }],
    [
      'a list of merged mappings, the first one winning',
      'x: &x {a: 1}\nz: &z {a: 2, c: 3}\nw: {<<: [*x, *z]}',
      { x: { a: 1 }, z: { a: 2, c: 3 }, w: { a: 1, c: 3 } },
    ],
    ['a quoted merge key as text', 'k: {"<<": {a: 1}}', { k: { '<<': { a: 1 } } }],
    ['keys that are no text', 'k: {1: a, yes: b, 1.5: c, 0644: d}', { k: { '1': 'a', true: 'b', '1.5': 'c', '420': 'd' } }],
    ['y as a key', 'y: 1', { true: 1 }],
    ['block text', 'a: |\n  x\n  y\nb: >-\n  x\n  y\n', { a: 'x\ny\n', b: 'x y' }],
  ])('are read with %s', (_, text, expected) => {
    expect(documentOf(text)).toEqual(expected);
  });

  it('keep __proto__ as an ordinary key', () => {
    expect(canonicalJson(documentOf('__proto__: {polluted: 1}') as never)).toBe('{"__proto__":{"polluted":1}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ['doubled keys', 'a: 1\na: 2', 'a.yaml:2: the key stands twice in one mapping'],
    ['doubled keys of two kinds', 'k: {1: a, "1": b}', 'a.yaml:1: the key stands twice in one mapping'],
    ['an empty key', 'k: {~: a}', 'a.yaml:1: is not valid YAML: a key is empty'],
    ['.nan', 'a: .nan', 'a.yaml:1: holds .nan or .inf, which JSON does not have: quote it if it is text'],
    ['-.inf in the second document', 'a: 1\n---\nb: [-.inf]', 'a.yaml:3: holds .nan or .inf, which JSON does not have: quote it if it is text'],
    ['a mapping as key', 'k: {? {a: b} : c}', /a\.yaml:1: is not valid YAML/],
    ['control characters', 'a: "\u0001"', /a\.yaml:1: is not valid YAML: expected valid JSON character/],
    ['NUL', 'a: b\0c', 'a.yaml:1: is not valid YAML: null byte is not allowed in input'],
    ['10,000 levels', '['.repeat(10_000), 'a.yaml:1: is nested deeper than 100 levels'],
    ['1,000 levels of blocks', Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), /nested deeper/],
    ['a value that holds itself', 'a: &a [*a, *a]', 'a.yaml:1: is nested deeper than 100 levels'],
    ['a bomb of aliases', bomb(30), /aliases, written out, make it too large/],
    ['a bomb of one long text', `a: &a ${'x'.repeat(1_000_000)}\nb: [${Array(1_000).fill('*a').join(', ')}]`, /aliases, written out, make it too large/],
    ['a bomb of merge keys', mergeBomb(), /merge keys|too large/],
    ['a chain of aliases deeper than 100', chain(5_000), /nested deeper than 100/],
    ['too many values', `[${'a,'.repeat(5_000_000)}]`, /is larger than can be applied/],
  ])('are refused with %s', (_, text, expected) => {
    const parsed = readDocuments(text, 'a.yaml');
    expect(parsed.ok ? 'accepted' : describeProblems(parsed.problems)).toMatch(expected);
  });

  it('stop reporting after twenty problems', () => {
    const parsed = readDocuments('a: [\n---\n'.repeat(1_000), 'a.yaml');
    expect(parsed.ok ? [] : parsed.problems).toHaveLength(21);
  });

  it('take huge numbers as kubectl does', () => {
    expect(documentOf(`a: ${'9'.repeat(100_000)}`)).toEqual({ a: '9'.repeat(100_000) });
  });

  it('never throw, whatever the text', () => {
    const fragment = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '---\n',
      '&a ',
      '*a',
      '!!str ',
      '!x ',
      '<<: ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '|\n',
      '>',
      '? ',
      '#',
      '%YAML 1.1\n',
      '0x',
      '.nan',
      '\t',
      '\0',
      '\ud800',
      '~',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join('')),
        ),
        (text) => {
          const parsed = parseManifests(text, 'a.yaml');
          expect(parsed.ok || parsed.problems.length > 0).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('give back every JSON value that is written to them', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify({ value });
        expect(canonicalJson(documentOf(text) as never)).toBe(canonicalJson(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });
});

function bomb(levels: number): string {
  return ['a0: &a0 [x, x]', ...Array.from({ length: levels }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`)].join('\n');
}

function chain(length: number): string {
  return ['a0: &a0 [x]', ...Array.from({ length }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}]`)].join('\n');
}

function mergeBomb(): string {
  const wide = Array.from({ length: 1_000 }, (_, key) => `k${key}: 1`).join(', ');
  return [`a: &a {${wide}}`, ...Array.from({ length: 1_000 }, (_, index) => `b${index}: {<<: *a}`)].join('\n');
}
