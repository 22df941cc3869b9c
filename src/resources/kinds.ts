export const group = 'sluice.dev';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

export const kinds = {
  Repository: 'repositories',
  Cluster: 'clusters',
  Application: 'applications',
  Pipeline: 'pipelines',
  Release: 'releases',
} as const;

export type Kind = keyof typeof kinds;
