import { Alert, Table } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Application, Diff, Objects } from '../../src/api/answers.ts';
import { useApplication, useDiff, useObjects } from './api.ts';
import { whyOf } from './applications-view.tsx';
import { Asked, useTitle } from './notices.tsx';
import { Patch } from './patch.tsx';
import { Rows } from './rows.tsx';
import { Ago } from './times.tsx';
import { HealthWord, ObjectWord, pipelineAddress, Sha, SyncWord } from './words.tsx';

type Named = { readonly namespace: string; readonly name: string };

export function ApplicationView({ namespace, name }: Named) {
  useTitle(name);
  const query = useApplication({ namespace, name });
  const objects = useObjects({ namespace, name });
  const diff = useDiff({ namespace, name });
  return (
    <Asked query={query} rows={8}>
      {(application) => (
        <>
          <h1>
            {application.name}
            <SyncWord sync={application.sync} />
            <HealthWord health={application.health?.health} />
          </h1>
          <Why application={application} />
          <Facts application={application} />
          <section>
            <h2>Differences</h2>
            <Asked query={diff} rows={2}>
              {(answer) => <Differences diff={answer} />}
            </Asked>
          </section>
          <section>
            <h2>Objects</h2>
            <Asked query={objects}>{(answer) => <ObjectTable objects={answer} application={application} />}</Asked>
          </section>
          <section>
            <h2>Syncs</h2>
            <Syncs application={application} />
          </section>
        </>
      )}
    </Asked>
  );
}

function Why({ application }: { readonly application: Application }) {
  const why = whyOf(application);
  if (why === '') return null;
  const isTrouble = application.sync?.state === 'Failed' || application.health?.health === 'Degraded' || application.standing.ready === 'False';
  return <p className={`said ${isTrouble ? 'trouble' : 'faint'}`}>{why}</p>;
}

function Facts({ application }: { readonly application: Application }) {
  const { revision, subject, stage, policy, namespace } = application;
  const off = Object.entries(policy).flatMap(([name, isOn]) => (isOn ? [] : [name]));
  const facts: Readonly<Record<string, ReactNode>> = {
    Revision: (
      <>
        {revision === undefined ? '–' : <Sha id={revision} />} {subject}
      </>
    ),
    Stage:
      stage === undefined ? (
        'none'
      ) : (
        <Link href={pipelineAddress({ namespace, name: stage.pipeline })}>
          {stage.pipeline}/{stage.name}
        </Link>
      ),
    Source: `${application.path} of ${application.repository.name}${application.targetRevision === undefined ? '' : ` at ${application.targetRevision}`}`,
    Destination: `namespace ${application.destinationNamespace} of ${application.cluster.name}`,
    'Acts as': application.serviceAccountName ?? 'Sluice itself',
    'Switched off': off.length === 0 ? 'nothing' : off.join(', '),
  };
  return (
    <dl className="facts">
      {Object.entries(facts).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Why a look found nothing, and what a sync would refuse. */
function Look({ looked: { why, problems } }: { readonly looked: Objects | Diff }) {
  return (
    <>
      {why !== undefined && (
        <Alert color="gray" className="notice">
          Not looked at: {why}
        </Alert>
      )}
      {problems.length > 0 && (
        <Alert color="red" title="A sync would be refused" className="notice">
          <ul>
            {problems.map(({ at, message }) => (
              <li key={`${at} ${message}`}>
                <code>{at}</code>: {message}
              </li>
            ))}
          </ul>
        </Alert>
      )}
    </>
  );
}

function Differences({ diff }: { readonly diff: Diff }) {
  const isEven = diff.items.length === 0 && diff.why === undefined && diff.problems.length === 0;
  return (
    <>
      <Look looked={diff} />
      {isEven && (
        <p className="faint">
          None: the cluster has what {diff.revision === undefined ? 'is wanted' : <Sha id={diff.revision} />} renders. Looked at <Ago time={diff.lookedAt} />.
        </p>
      )}
      {diff.items.map((item) => (
        <article key={keyOf(item)} className="difference">
          <h3>
            {item.kind} {item.name} <ObjectWord state={item.state} /> <span className="faint">{item.why}</span>
          </h3>
          {item.patch !== undefined && <Patch text={item.patch} />}
        </article>
      ))}
      {diff.more > 0 && <p className="faint">{diff.more} more differ.</p>}
    </>
  );
}

const keyOf = ({ group, kind, namespace, name }: Objects['items'][number] | Diff['items'][number]): string => `${group}/${kind}/${namespace ?? ''}/${name}`;

function ObjectTable({ objects, application }: { readonly objects: Objects; readonly application: Application }) {
  const counts = application.objects;
  if (objects.items.length === 0) {
    return (
      <>
        <Look looked={objects} />
        <p className="faint">
          {counts === undefined ? 'Nothing is known of its objects yet.' : `Last seen: ${counts.members} members, ${counts.outOfSync} out of sync.`}
        </p>
      </>
    );
  }
  return (
    <>
      <Rows columns={['Kind', 'Name', 'State', 'Health', 'Why']}>
        {objects.items.map((item) => (
          <Table.Tr key={keyOf(item)}>
            <Table.Td>
              {item.kind} <span className="faint">{item.group}</span>
            </Table.Td>
            <Table.Td className="name">{item.name}</Table.Td>
            <Table.Td>
              <ObjectWord state={item.state} />
            </Table.Td>
            <Table.Td>
              <HealthWord health={item.health} />
            </Table.Td>
            <Table.Td className="why" title={item.message || item.why}>
              {item.message || item.why}
            </Table.Td>
          </Table.Tr>
        ))}
      </Rows>
      {objects.more > 0 && <p className="faint">{objects.more} more.</p>}
    </>
  );
}

function Syncs({ application: { history, sync, revision } }: { readonly application: Application }) {
  if (history.length === 0 && sync === undefined) return <p className="faint">None yet.</p>;
  return (
    <Rows columns={['Revision', 'Result', 'Began', 'Why']}>
      {sync !== undefined && revision !== undefined && (
        <Table.Tr>
          <Table.Td>
            <Sha id={revision} /> <span className="faint">(now)</span>
          </Table.Td>
          <Table.Td>{sync.state}</Table.Td>
          <Table.Td className="time">
            <Ago time={sync.startedAt} />
          </Table.Td>
          <Table.Td className="why">{sync.message}</Table.Td>
        </Table.Tr>
      )}
      {history.map((past) => (
        <Table.Tr key={`${past.commit} ${past.startedAt}`}>
          <Table.Td>
            <Sha id={past.revision} />
          </Table.Td>
          <Table.Td>{past.result}</Table.Td>
          <Table.Td className="time">
            <Ago time={past.startedAt} />
          </Table.Td>
          <Table.Td className="why" title={past.message}>
            {past.message}
          </Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}
