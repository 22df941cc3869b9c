import { readFile } from 'node:fs/promises';
import { kinds } from '../../src/resources/kinds.ts';
import type { RealCluster } from '../real-parts.ts';

const crdFiles = Object.values(kinds).map((plural) => new URL(`../../deploy/crds/${plural}.yaml`, import.meta.url));

/** Applies deploy/crds as a person would, and waits until the API server serves them. */
export async function applyCrds(cluster: RealCluster): Promise<void> {
  const texts = await Promise.all(crdFiles.map((file) => readFile(file, 'utf8')));
  await cluster.kubectl(['apply', '--server-side', '--validate=strict', '-f', '-'], { input: texts.join('\n---\n') });
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...Object.values(kinds).map((plural) => `crd/${plural}.sluice.dev`)]);
}
