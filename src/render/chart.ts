import { at, isJsonObject } from '../model/json.ts';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { readDocuments } from './documents.ts';

/** A subchart that Chart.yaml (or requirements.yaml) asks for. */
export type ChartDependency = { readonly name: string; readonly line: number };

export type Chart = { readonly name: string; readonly version: 'v1' | 'v2' | 'other'; readonly dependencies: readonly ChartDependency[] };

/** Reads what a Chart.yaml or requirements.yaml asks for; whether it is a good chart is Helm's to say. */
export function parseChart(text: string, file: string): Parsed<Chart> {
  const documents = readDocuments(text, file);
  if (!documents.ok) return documents;
  const [document] = documents.value;
  if (document === undefined || !isJsonObject(document.value))
    return refused({ at: file, message: 'is not an object with the fields of a chart: name, version' });
  const { name, apiVersion, dependencies } = document.value;
  const list: readonly unknown[] = Array.isArray(dependencies) ? dependencies : [];
  return accepted({
    name: typeof name === 'string' ? name : '',
    version: apiVersion === undefined || apiVersion === 'v1' ? 'v1' : apiVersion === 'v2' ? 'v2' : 'other',
    dependencies: list.flatMap((dependency) => {
      const wanted = at(dependency, 'name');
      return typeof wanted === 'string' ? [{ name: wanted, line: dependencyLine(text, wanted) }] : [];
    }),
  });
}

function dependencyLine(text: string, name: string): number {
  const lines = text.split('\n');
  const from = Math.max(
    lines.findIndex((line) => line.startsWith('dependencies:')),
    0,
  );
  const found = lines.findIndex((line, index) => index >= from && new RegExp(`name:\\s*["']?${RegExp.escape(name)}["']?\\s*(?:[,}#]|$)`).test(line));
  return (found === -1 ? from : found) + 1;
}

/** Why inline values cannot be taken; undefined when they can. */
export function inlineValuesProblems(values: string): readonly Problem[] {
  const place = 'spec.source.helm.values';
  const documents = readDocuments(values, place);
  if (!documents.ok) return documents.problems;
  const [document, second] = documents.value;
  if (second !== undefined) return [{ at: `${place}:${second.line}`, message: 'values are one document: take the other out' }];
  return document === undefined || isJsonObject(document.value) ? [] : [{ at: `${place}:${document.line}`, message: 'is not an object of values' }];
}

/**
 * References of a values.schema.json that lead out of it: Helm would read them from the network, or from any file of this machine.
 * What is no JSON is Helm's to refuse.
 */
export function schemaProblems(text: string, file: string): readonly Problem[] {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    return [];
  }
  return [...new Set(outsideReferences(schema, 0))].map((reference) => ({
    at: file,
    message: `refers to ${JSON.stringify(reference)}, and nothing is fetched while rendering: put that part below $defs of this file and refer to it with "#/$defs/…"`,
  }));
}

function outsideReferences(schema: unknown, depth: number): readonly string[] {
  if (typeof schema !== 'object' || schema === null || depth > 200) return [];
  return Object.entries(schema).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value !== 'string') return outsideReferences(value, depth + 1);
    const leadsOut =
      key === '$schema' ? !isMetaSchema(value) : /^\$(?:ref|dynamicRef|recursiveRef)$/.test(key) && !value.startsWith('#') && !isMetaSchema(value);
    return leadsOut ? [value] : [];
  });
}

/** Those of the specification, which Helm has built in. */
const isMetaSchema = (reference: string): boolean => /^https?:\/\/json-schema\.org\/[\w\-/.]*#?$/.test(reference);
