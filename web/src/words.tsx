import { Badge, type MantineColor } from '@mantine/core';
import { Link } from 'wouter';
import type { Application, Objects, Release, Stage, Standing } from '../../src/api/answers.ts';

type Word = { readonly word: string; readonly color: MantineColor; readonly why?: string | undefined };

/** One word of state. Its color repeats what it says. */
function State({ word, color, why }: Word) {
  return (
    <Badge variant="light" color={color} size="sm" radius="sm" tt="none" className="state" data-state={word} title={why}>
      {word}
    </Badge>
  );
}

type StageState = Release['stages'][number]['state'];
const stageColors: Readonly<Record<StageState, MantineColor>> = { waiting: 'gray', skipped: 'gray', pending: 'blue', verified: 'teal', failed: 'red' };

export const StageWord = ({ state, why }: { readonly state: StageState; readonly why?: string }) => <State word={state} color={stageColors[state]} why={why} />;

export const VerdictWord = ({ verdict }: { readonly verdict: NonNullable<Stage['admitted']>['verdict'] }) => (
  <State word={verdict} color={stageColors[verdict]} />
);

const healthColors: Readonly<Record<string, MantineColor>> = {
  Healthy: 'teal',
  Suspended: 'gray',
  Progressing: 'blue',
  Missing: 'yellow',
  Degraded: 'red',
  Failed: 'red',
};

export const HealthWord = ({ health, why }: { readonly health: string | undefined; readonly why?: string | undefined }) =>
  health === undefined ? <span className="faint">–</span> : <State word={health} color={healthColors[health] ?? 'gray'} why={why} />;

const syncColors: Readonly<Record<NonNullable<Application['sync']>['state'], MantineColor>> = {
  Synced: 'teal',
  OutOfSync: 'yellow',
  Syncing: 'blue',
  Failed: 'red',
  Unknown: 'gray',
};

export const SyncWord = ({ sync }: { readonly sync: Application['sync'] }) =>
  sync === undefined ? <span className="faint">–</span> : <State word={sync.state} color={syncColors[sync.state]} why={sync.message} />;

const objectStates: Readonly<Record<Objects['items'][number]['state'], readonly [word: string, color: MantineColor]>> = {
  'in-sync': ['in sync', 'teal'],
  create: ['missing', 'yellow'],
  update: ['differs', 'yellow'],
  remove: ['to be removed', 'orange'],
  kept: ['kept', 'gray'],
  deferred: ['deferred', 'gray'],
  'not-owned': ['not owned', 'gray'],
  refused: ['refused', 'red'],
};

export function ObjectWord({ state }: { readonly state: Objects['items'][number]['state'] }) {
  const [word, color] = objectStates[state];
  return <State word={word} color={color} />;
}

/** What somebody has to change before a Pipeline goes on. How its stages stand is told by the stages. */
export function StandingNote({ standing }: { readonly standing: Standing }) {
  return standing.stalled ? <p className="trouble">{standing.message}</p> : null;
}

export const ReadyWord = ({ standing }: { readonly standing: Standing }) => (
  <State
    word={standing.ready === 'True' ? 'ready' : standing.ready === 'False' ? 'not ready' : 'unknown'}
    color={{ True: 'teal', False: 'red', Unknown: 'gray' }[standing.ready]}
  />
);

export const Sha = ({ id }: { readonly id: string }) => (
  <code className="sha" title={id}>
    {id.slice(0, 8)}
  </code>
);

/** Whoever commits chooses the name: shown as text, without the address. */
export const authorName = (author: string): string => author.replace(/\s*<[^>]*>\s*$/, '') || author;

export const ApplicationLink = ({ namespace, name }: { readonly namespace: string; readonly name: string }) => (
  <Link href={`/applications/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`}>{name}</Link>
);

export const pipelineAddress = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `/pipelines/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
