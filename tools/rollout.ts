/** What `kubectl rollout status` looks at. */
export type Rollout = {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
};

/** Whether the controller has seen this generation of a Deployment and every pod is new and available, as `kubectl rollout status` judges it. */
export function isRolledOut({ metadata, spec, status = {} }: Rollout): boolean {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return observedGeneration >= metadata.generation && [replicas, updatedReplicas, availableReplicas].every((count) => count === spec.replicas);
}
