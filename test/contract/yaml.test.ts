import { beforeAll, expect, it } from 'vitest';
import { at, canonicalJson, type Json } from '../../src/model/json.ts';
import { readDocuments } from '../../src/render/documents.ts';
import { realParts } from '../real-parts.ts';
import { kubectlScalars } from '../render/kubectl-scalars.ts';

// A scalar in each of an object's annotations would be refused for not being text: it stands in a field of a kind that nobody knows.
const manifestOf = (source: string, index: number): string => `apiVersion: example.org/v1\nkind: Scalar\nmetadata: {name: s${index}}\nv: ${source}\n`;
const texts = kubectlScalars.map(([source], index) => manifestOf(source, index));

let byKubectl: ReadonlyMap<string, string>;
beforeAll(async () => {
  const printed = await realParts().staging.kubectl(['annotate', '--local', '-f', '-', 'seen=yes', '-o', 'json'], { input: texts.join('---\n') });
  byKubectl = new Map(valuesPrinted(printed));
});

it.each(kubectlScalars.map(([source, expected], index) => ({ source, expected, index })))(
  'kubectl reads $source as the table says, and so does Sluice',
  ({ source, expected, index }) => {
    const own = readDocuments(manifestOf(source, index), 'a.yaml');
    const [document] = own.ok ? own.value : expect.unreachable('Sluice refuses it');
    const value = at(document, 'value', 'v') as Json;
    expect(value).toEqual(expected);
    const printed = byKubectl.get(`s${index}`);
    expect(printed, 'kubectl printed nothing for it').toBeDefined();
    expect(canonicalJson(value)).toBe(canonicalJson(numbersKept(printed ?? '')));
  },
);

/** Each object's name and `v` as kubectl printed it; integers keep their digits. */
function* valuesPrinted(text: string): Generator<readonly [name: string, printed: string]> {
  for (const [object] of text.matchAll(/^\{$.*?^\}$/gms)) {
    const [, name = ''] = /"name": "(s\d+)"/.exec(object) ?? [];
    const [, value] = /^ {4}"v": (.*)$/m.exec(object) ?? [];
    yield [name, value ?? 'null'];
  }
}

/** One JSON scalar; integers beyond 2^53 as bigint. */
function numbersKept(text: string): Json {
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text)) ? BigInt(text) : (JSON.parse(text) as Json);
}
