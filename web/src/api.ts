import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Application, Cluster, Diff, ListOf, Objects, Pipeline, Release, Repository } from '../../src/api/answers.ts';

type Named = { readonly namespace: string; readonly name: string };

/** A look at a cluster is repeated: what happens there need not change the Application's status. */
const lookAgainMs = 15_000;
const listed = 500;

/** The answer of the read API. Throws an Error with the server's own words. */
async function ask<Answer>(path: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(`/api/v1/${path}`, { signal }).catch((cause: unknown) => {
    throw new Error('Sluice does not answer. Is it running?', { cause });
  });
  if (response.ok) return (await response.json()) as Answer;
  const told: unknown = await response.json().catch(() => undefined);
  throw new Error(messageIn(told) ?? `Sluice answered ${response.status}`, { cause: response.status < 500 ? refusal : undefined });
}

const refusal = 'refused';
/** Whether asking the same again would be answered the same. */
export const isRefusal = (error: Error): boolean => error.cause === refusal;

const messageIn = (told: unknown): string | undefined =>
  typeof told === 'object' && told !== null && 'message' in told && typeof told.message === 'string' ? told.message : undefined;

const path = ({ namespace, name }: Named): string => `${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;

/** Everything that is shown, by key: the first word says on what changes it depends. */
export const usePipelines = () => useQuery({ queryKey: ['pipelines'], queryFn: ({ signal }) => ask<ListOf<Pipeline>>(`pipelines?limit=${listed}`, signal) });

export const usePipeline = (named: Named) =>
  useQuery({ queryKey: ['pipelines', named.namespace, named.name], queryFn: ({ signal }) => ask<Pipeline>(`pipelines/${path(named)}`, signal) });

export const useReleases = ({ namespace, name }: Named) =>
  useQuery({
    queryKey: ['releases', namespace, name],
    queryFn: ({ signal }) => ask<ListOf<Release>>(`releases?namespace=${encodeURIComponent(namespace)}&pipeline=${encodeURIComponent(name)}&limit=50`, signal),
  });

export const useApplications = () =>
  useQuery({ queryKey: ['applications'], queryFn: ({ signal }) => ask<ListOf<Application>>(`applications?limit=${listed}`, signal) });

export const useApplication = (named: Named) =>
  useQuery({ queryKey: ['applications', named.namespace, named.name], queryFn: ({ signal }) => ask<Application>(`applications/${path(named)}`, signal) });

export const useObjects = (named: Named) =>
  useQuery({
    queryKey: ['looks', named.namespace, named.name, 'objects'],
    queryFn: ({ signal }) => ask<Objects>(`applications/${path(named)}/objects`, signal),
    refetchInterval: lookAgainMs,
    placeholderData: keepPreviousData,
  });

export const useDiff = (named: Named) =>
  useQuery({
    queryKey: ['looks', named.namespace, named.name, 'diff'],
    queryFn: ({ signal }) => ask<Diff>(`applications/${path(named)}/diff`, signal),
    refetchInterval: lookAgainMs,
    placeholderData: keepPreviousData,
  });

export const useRepositories = () =>
  useQuery({ queryKey: ['repositories'], queryFn: ({ signal }) => ask<ListOf<Repository>>(`repositories?limit=${listed}`, signal) });

export const useClusters = () => useQuery({ queryKey: ['clusters'], queryFn: ({ signal }) => ask<ListOf<Cluster>>(`clusters?limit=${listed}`, signal) });
