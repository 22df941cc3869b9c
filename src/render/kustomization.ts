import { isJsonObject, type Json, type JsonObject } from '../model/json.ts';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { readDocuments } from './documents.ts';

export const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

/** What one entry of a kustomization file points to, as written there. `plugins` entries may name further files that only Kustomize understands. */
export type KustomizeReference = {
  readonly entry: string;
  readonly line: number;
  readonly takes: 'file' | 'folder' | 'either';
  readonly plugins: boolean;
};

/** `readsUnknown`: it has fields that may read any file of its folder. */
export type Kustomization = { readonly references: readonly KustomizeReference[]; readonly readsUnknown: boolean };

type Entry = Pick<KustomizeReference, 'entry' | 'takes'> & { readonly plugins?: true };
/** The entries of one field; undefined when its value has a shape that is not known here. */
type Reader = (value: Json) => readonly Entry[] | undefined;

const list =
  (read: Reader): Reader =>
  (value) => {
    if (!Array.isArray(value)) return value === null ? [] : undefined;
    const entries = value.map((item: Json) => read(item));
    return entries.includes(undefined) ? undefined : entries.flatMap((entry) => entry ?? []);
  };
const path =
  (takes: Entry['takes']): Reader =>
  (value) =>
    typeof value === 'string' ? [{ entry: value, takes }] : undefined;
const pathOrInline =
  (takes: Entry['takes']): Reader =>
  (value) =>
    typeof value === 'string' && isInline(value) ? [] : path(takes)(value);
const pathField: Reader = (value) => {
  if (!isJsonObject(value)) return undefined;
  return value.path === undefined || value.path === null ? [] : path('file')(value.path);
};
const plugins: Reader = (value) => pathOrInline('either')(value)?.map((entry) => ({ ...entry, plugins: true }));
const keyed: Reader = (value) => (typeof value === 'string' ? [{ entry: value.slice(value.indexOf('=') + 1), takes: 'file' }] : undefined);
const generator: Reader = (value) => {
  if (!isJsonObject(value)) return undefined;
  const parts = [
    list(keyed)(value.files ?? null),
    list(path('file'))(value.envs ?? null),
    value.env === undefined || value.env === null ? [] : path('file')(value.env),
  ];
  return parts.includes(undefined) ? undefined : parts.flatMap((part) => part ?? []);
};

/** Fields that read files, by what they hold. Source: kustomize api/types/kustomization.go. */
const readers: Readonly<Record<string, Reader>> = {
  resources: list(path('either')),
  bases: list(path('folder')),
  components: list(path('folder')),
  crds: list(path('file')),
  configurations: list(path('file')),
  patches: list(pathField),
  patchesJson6902: list(pathField),
  patchesStrategicMerge: list(pathOrInline('file')),
  replacements: list(pathField),
  configMapGenerator: list(generator),
  secretGenerator: list(generator),
  generators: list(plugins),
  transformers: list(plugins),
  validators: list(plugins),
  openapi: pathField,
};

const readNothing: ReadonlySet<string> = new Set([
  ...['apiVersion', 'kind', 'metadata', 'namePrefix', 'nameSuffix', 'namespace', 'commonLabels', 'labels', 'commonAnnotations', 'images', 'imageTags'],
  ...['replicas', 'vars', 'buildMetadata', 'generatorOptions', 'sortOptions', 'helmGlobals'],
]);

const helmFields = ['helmCharts', 'helmChartInflationGenerator'];

/** Reads what a kustomization file refers to, without running Kustomize. `file` is its path in the repository. */
export function parseKustomization(text: string, file: string): Parsed<Kustomization> {
  const documents = readDocuments(text, file);
  if (!documents.ok) return documents;
  const [document, second] = documents.value;
  if (second !== undefined)
    return refused({ at: `${file}:${second.line}`, message: 'a kustomization file holds one document: move this one to a file of its own' });
  if (document !== undefined && !isJsonObject(document.value))
    return refused({ at: `${file}:${document.line}`, message: 'is not an object with the fields of a kustomization' });
  return document === undefined ? accepted({ references: [], readsUnknown: false }) : fieldsOf(document.value as JsonObject, text, file);
}

function fieldsOf(fields: JsonObject, text: string, file: string): Parsed<Kustomization> {
  const problems: Problem[] = [];
  const references: KustomizeReference[] = [];
  let readsUnknown = false;
  for (const [field, value] of Object.entries(fields)) {
    if (helmFields.includes(field))
      problems.push({ at: `${file}:${lineOf(text, field)}`, message: `${field} is not supported: render the chart and commit its manifests` });
    if (readNothing.has(field) || helmFields.includes(field)) continue;
    const entries = Object.hasOwn(readers, field) ? readers[field]?.(value ?? null) : undefined;
    readsUnknown ||= entries === undefined || entries.some((entry) => entry.plugins === true);
    references.push(...(entries ?? []).map((entry) => ({ ...entry, plugins: entry.plugins === true, line: lineOf(text, field, entry.entry) })));
  }
  return problems.length === 0 ? accepted({ references, readsUnknown }) : refused(...problems);
}

/** Kustomize takes such entries as text when no file has that name; a file's name has no line break and no `key: value`. */
const isInline = (entry: string): boolean => /[\n{]|:\s/.test(entry);

/** The line of a field, or of an entry below it. */
function lineOf(text: string, field: string, entry?: string): number {
  const lines = text.split('\n');
  const fieldAt = Math.max(
    lines.findIndex((line) => line.replace(/^["']|["'](?=\s*:)/g, '').startsWith(`${field}:`)),
    0,
  );
  if (entry === undefined) return fieldAt + 1;
  const ends = (line: string) => /[^\s"']+(?=["']?\s*(?:#.*)?$)/.exec(line)?.[0];
  const exact = lines.findIndex((line, index) => index >= fieldAt && (ends(line) === entry || ends(line)?.endsWith(`=${entry}`) === true));
  if (exact !== -1) return exact + 1;
  const loose = lines.findIndex((line, index) => index >= fieldAt && line.includes(entry));
  return (loose === -1 ? fieldAt : loose) + 1;
}

/** Whether an entry that is no file of the repository names one somewhere else, as Kustomize would take it. */
export const isRemote = (entry: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(entry) ||
  /^(?:git::|gh:|[\w.-]+@[\w.-]+:)/.test(entry) ||
  /^(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org)[/:]/i.test(entry) ||
  /[?&]ref=/.test(entry) ||
  /\.git(?:\/|$)/.test(entry) ||
  entry.includes('//');
