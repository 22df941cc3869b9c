import { type LiveObject, type Manifest, resourceKey } from '../model/manifest.ts';
import type { Destination } from './destination.ts';

/** The destination, and what its API server made of each object in a dry-run, by resourceKey: one side of a diff. */
export function keepingAnswers(destination: Destination, answers: Map<string, LiveObject>): Destination {
  return {
    ...destination,
    async dryRun(kind, manifest, signal) {
      const answer = await destination.dryRun(kind, manifest, signal);
      answers.set(resourceKey({ group: kind.group, kind: kind.kind, ...placed(manifest, kind.namespaced) }), answer.object);
      return answer;
    },
  };
}

const placed = ({ metadata }: Manifest, namespaced: boolean): { readonly name: string; readonly namespace?: string } => ({
  name: metadata.name,
  ...(namespaced && metadata.namespace !== undefined ? { namespace: metadata.namespace } : {}),
});
