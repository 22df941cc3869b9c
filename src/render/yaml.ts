import { isJsonObject, type Json, type JsonObject } from '../model/json.ts';
import type { Manifest } from '../model/manifest.ts';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { readDocuments } from './documents.ts';

/** A manifest and where it was read: `apps/shop/web.yaml:12`. */
export type PlacedManifest = { readonly manifest: Manifest; readonly at: string };

/**
 * Reads the manifests of one file as kubectl does: several documents, lists taken apart, empty documents left out.
 * Refused, all at once: what is no object, or has no apiVersion, kind or name, or has names and labels that are no text.
 */
export function parseManifests(text: string, file: string): Parsed<Manifest[]> {
  const parsed = readManifests(text, file);
  return parsed.ok ? accepted(parsed.value.map(({ manifest }) => manifest)) : parsed;
}

/** As parseManifests, each manifest with its place. */
export function readManifests(text: string, file: string): Parsed<readonly PlacedManifest[]> {
  const documents = readDocuments(text, file);
  if (!documents.ok) return documents;
  const placed: PlacedManifest[] = [];
  const problems: Problem[] = [];
  for (const { value, line } of documents.value) {
    for (const { object, label } of flattened(value, '')) {
      const at = `${file}:${line}`;
      const found = problemsOf(object);
      if (found.length === 0) placed.push({ manifest: withoutEmptyMetadata(object as Manifest), at });
      else problems.push(...found.map((message) => ({ at, message: label === '' ? message : `${label}: ${message}` })));
    }
  }
  return problems.length === 0 ? accepted(placed) : refused(...problems);
}

type Labelled = { readonly object: unknown; readonly label: string };

/** The items of a List, or of a ConfigMapList, whose items need not say their kind. */
function flattened(value: unknown, label: string): readonly Labelled[] {
  if (!isJsonObject(value) || !isList(value)) return [{ object: value, label }];
  const { kind, apiVersion } = value;
  const itemKind = kind.slice(0, -'List'.length);
  return value.items.flatMap((item, index) => {
    const typed = itemKind !== '' && isJsonObject(item) ? { apiVersion, kind: itemKind, ...item } : item;
    return flattened(typed, `${label === '' ? '' : `${label}.`}items[${index}]`);
  });
}

const isList = (value: JsonObject): value is JsonObject & { readonly kind: string; readonly items: readonly Json[] } =>
  typeof value.kind === 'string' && value.kind.endsWith('List') && Array.isArray(value.items);

function problemsOf(object: unknown): readonly string[] {
  if (!isJsonObject(object)) return [`is ${wordFor(object)}, not an object with apiVersion, kind and metadata`];
  const problems = [...apiVersionProblems(object.apiVersion), ...textProblems('kind', object.kind)];
  if (!isJsonObject(object.metadata))
    return [
      ...problems,
      object.metadata === undefined || object.metadata === null ? 'metadata is missing' : `metadata is ${wordFor(object.metadata)}, not an object`,
    ];
  const { name, generateName, namespace, labels, annotations } = object.metadata;
  if (isMissing(name) && !isMissing(generateName)) {
    problems.push('metadata.generateName gives a new object at each sync, which could never be compared with the cluster: set metadata.name');
  } else problems.push(...textProblems('metadata.name', name), ...pathProblems('metadata.name', name));
  if (!isMissing(namespace)) problems.push(...textProblems('metadata.namespace', namespace), ...pathProblems('metadata.namespace', namespace));
  return [...problems, ...textMapProblems('metadata.labels', labels), ...textMapProblems('metadata.annotations', annotations)];
}

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === '';

function textProblems(field: string, value: unknown): readonly string[] {
  if (isMissing(value)) return [`${field} is missing`];
  return typeof value === 'string' ? [] : [`${field} is ${wordFor(value)}, not text: quote it`];
}

function apiVersionProblems(value: unknown): readonly string[] {
  if (typeof value === 'string' && value !== '' && !/^[^\s/]+(?:\/[^\s/]+)?$/.test(value)) return ['apiVersion must read <version> or <group>/<version>'];
  return textProblems('apiVersion', value);
}

// A name becomes a part of a path at the API server, which refuses these too.
const pathProblems = (field: string, value: unknown): readonly string[] =>
  typeof value === 'string' && (value === '.' || value === '..' || /[/%]/.test(value)) ? [`${field} must not be "." or ".." and must not hold "/" or "%"`] : [];

function textMapProblems(field: string, value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!isJsonObject(value)) return [`${field} is ${wordFor(value)}, not an object`];
  return Object.entries(value).flatMap(([key, text]) =>
    typeof text === 'string' ? [] : [`${field}[${JSON.stringify(key)}] is ${wordFor(text)}, not text: quote it`],
  );
}

/** `labels:` with nothing behind it is common in written manifests and means that there are none. */
function withoutEmptyMetadata(manifest: Manifest): Manifest {
  const { metadata } = manifest;
  const empty = (['namespace', 'labels', 'annotations'] as const).filter((field) => field in metadata && isMissing(metadata[field]));
  if (empty.length === 0) return manifest;
  return {
    ...manifest,
    metadata: Object.fromEntries(Object.entries(metadata).filter(([field]) => !empty.some((name) => name === field))) as Manifest['metadata'],
  };
}

function wordFor(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'bigint') return 'a number';
  return typeof value === 'string' ? 'text' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
