import type { BenchRepository } from './ground.ts';

export type ConfigMap = {
  readonly apiVersion: 'v1';
  readonly kind: 'ConfigMap';
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
};

/** As many, each with something of its own and something that differs from round to round. */
export const configMaps = (count: number, value: string): readonly ConfigMap[] =>
  Array.from({ length: count }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `config-${String(index).padStart(5, '0')}` },
    data: { index: String(index), value, 'application.properties': `region=eu\nreplicas=3\nendpoint=http://service-${index}.example:8080\n` },
  }));

/** One file for each, as people have them. */
export async function writeConfigMaps({ clone }: Pick<BenchRepository, 'clone'>, manifests: readonly ConfigMap[]): Promise<void> {
  for (const manifest of manifests) await clone.write(`app/${manifest.metadata.name}.yaml`, yamlOf(manifest));
}

function yamlOf({ metadata, data }: ConfigMap): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${metadata.name}\ndata:\n${lines.join('\n')}\n`;
}
