import { isJsonObject } from '../model/json.ts';
import { readDocuments } from './documents.ts';
import { kustomizationNames } from './kustomization.ts';
import type { ChartBuild, RenderFile } from './renderer.ts';

// Shorter values are words like `on` and `1`, which messages hold anyway.
const minLength = 4;

/**
 * A tool's message without the values of secrets: tools repeat what they could not read. Values are what stands in documents of a kind like Secret,
 * in patches, in the literals of secret generators, and the lines of the files that those read.
 */
export function withoutSecretValues(message: string, files: readonly RenderFile[]): string {
  return without(
    message,
    files.flatMap((file) => secretValues(file, files)),
  );
}

/**
 * Helm's message without what values of a chart say under a key that sounds like a secret (`password`, `auth.token`, `name: DB_PASSWORD` with a `value`), as
 * written and in base64. A template may repeat any value in a message of its own.
 */
export function withoutSecretSettings(
  message: string,
  files: readonly RenderFile[],
  { valueFiles, values = '' }: Pick<ChartBuild, 'valueFiles' | 'values'>,
): string {
  const texts = files
    .filter(({ path }) => valueFiles.includes(path) || /(?:^|\/)values[^/]*\.ya?ml$/.test(path))
    .map(({ bytes }) => new TextDecoder().decode(bytes));
  const secrets = [...texts, values].flatMap((text) => {
    const documents = readDocuments(text, 'values');
    return documents.ok ? documents.value.flatMap(({ value }) => secretSettings(value, false)) : [];
  });
  return without(
    message,
    secrets.flatMap((secret) => [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')]),
  );
}

const secretKey = /passw|passphrase|secret|token|credential|private|apikey|api_key|access_?key|connectionstring|dsn/i;

function secretSettings(value: unknown, isSecret: boolean): readonly string[] {
  if (typeof value === 'number' || typeof value === 'bigint') return isSecret ? parts(String(value)) : [];
  if (typeof value === 'string') return isSecret ? parts(value) : [];
  if (Array.isArray(value)) return value.flatMap((item) => secretSettings(item, isSecret));
  if (!isJsonObject(value)) return [];
  const named = typeof value.name === 'string' && secretKey.test(value.name);
  return Object.entries(value).flatMap(([key, inner]) => secretSettings(inner, isSecret || secretKey.test(key) || (named && key === 'value')));
}

function without(message: string, values: readonly string[]): string {
  return [...new Set(values)].sort((a, b) => b.length - a.length).reduce((text, value) => text.replaceAll(value, '…'), message);
}

function secretValues({ path, bytes }: RenderFile, files: readonly RenderFile[]): readonly string[] {
  const text = new TextDecoder().decode(bytes);
  if (!/secret/i.test(text)) return [];
  const documents = readDocuments(text, path);
  if (!documents.ok) return [];
  const isKustomization = kustomizationNames.some((name) => path === name || path.endsWith(`/${name}`));
  return documents.value.flatMap(({ value }) => (isKustomization && isJsonObject(value) ? ofKustomization(value, path, files) : ofDocument(value)));
}

const ofDocument = (value: unknown): readonly string[] => {
  if (!isJsonObject(value)) return [];
  if (Array.isArray(value.items)) return value.items.flatMap(ofDocument);
  const { apiVersion: _version, kind, metadata: _metadata, ...rest } = value;
  return typeof kind === 'string' && /secret/i.test(kind) ? leaves(rest) : [];
};

function ofKustomization(fields: Readonly<Record<string, unknown>>, path: string, files: readonly RenderFile[]): readonly string[] {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const generators = leaves(fields.secretGenerator);
  const read = generators.flatMap((entry) => files.filter((file) => file.path === `${folder}${entry.slice(entry.indexOf('=') + 1).replace(/^\.\//, '')}`));
  const lines = read.flatMap(({ bytes }) => parts(new TextDecoder().decode(bytes)));
  const readNames = new Set(read.map((file) => file.path.slice(folder.length)));
  const literals = generators.filter((entry) => ![...readNames].some((name) => entry.endsWith(name)));
  const patches = ['patches', 'patchesStrategicMerge', 'patchesJson6902', 'generators', 'transformers']
    .flatMap((field) => leaves(fields[field]))
    .filter((text) => /[\n{[]/.test(text));
  return [...literals, ...lines, ...patches.flatMap(patchValues)];
}

function patchValues(text: string): readonly string[] {
  const documents = readDocuments(text, 'patch');
  return documents.ok
    ? documents.value.flatMap(({ value }) =>
        Array.isArray(value) ? leaves(value.map((operation: unknown) => (isJsonObject(operation) ? operation.value : null))) : ofDocument(value),
      )
    : parts(text);
}

function leaves(value: unknown): readonly string[] {
  if (typeof value === 'string') return parts(value);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

/** A value, its lines, and what stands behind `=` in them: messages show any of these. */
const parts = (text: string): readonly string[] =>
  [text, ...text.split('\n').flatMap((line) => [line, line.slice(line.indexOf('=') + 1)])]
    .map((part) => part.trim())
    .filter((part) => part.length >= minLength);
