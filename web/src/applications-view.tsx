import { Table, TextInput } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Application } from '../../src/api/answers.ts';
import { useApplications } from './api.ts';
import { Asked, Empty, useTitle } from './notices.tsx';
import { Rows } from './rows.tsx';
import { ApplicationLink, HealthWord, pipelineAddress, Sha, SyncWord } from './words.tsx';

/** What stands in the way, if anything does; the best news is no text. */
export function whyOf({ standing, sync, health, suspended }: Application): string {
  if (suspended) return 'suspended';
  if (sync?.state === 'Failed' || sync?.state === 'OutOfSync') return sync.message;
  if (health !== undefined && health.health !== 'Healthy' && health.message !== '') return health.message;
  if (standing.ready === 'False') return standing.message;
  return sync?.state === 'Synced' ? '' : (sync?.message ?? standing.message);
}

const matches = (one: Application, filter: string): boolean => {
  const words = [one.namespace, one.name, one.path, one.cluster.name, one.destinationNamespace, one.stage?.name, one.sync?.state, one.health?.health];
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((part) => words.some((word) => word?.toLowerCase().includes(part)));
};

export function ApplicationsView() {
  useTitle('Applications');
  const query = useApplications();
  const [filter, setFilter] = useState('');
  return (
    <>
      <div className="heading">
        <h1>Applications</h1>
        <TextInput
          size="xs"
          aria-label="Filter by name, stage, cluster or state"
          placeholder="Filter by name, stage, cluster or state"
          value={filter}
          onChange={({ currentTarget }) => setFilter(currentTarget.value)}
        />
      </div>
      <Asked query={query} rows={8}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title="No Application yet">
              An Application is one path of a Repository applied to one namespace of one Cluster. Begin with the example in <code>examples/shop/sluice</code>.
            </Empty>
          ) : (
            <>
              <Applications items={items.filter((one) => matches(one, filter))} />
              {next !== undefined && <p className="faint">The first {items.length} are shown.</p>}
            </>
          )
        }
      </Asked>
    </>
  );
}

function Applications({ items }: { readonly items: readonly Application[] }) {
  if (items.length === 0) return <p className="faint">No Application matches the filter.</p>;
  return (
    <Rows columns={['Application', 'Sync', 'Health', 'Stage', 'Revision', 'Destination', 'Why']} pointedAt>
      {items.map((one) => (
        <Table.Tr key={`${one.namespace}/${one.name}`}>
          <Table.Td className="name">
            <ApplicationLink {...one} />
          </Table.Td>
          <Table.Td>
            <SyncWord sync={one.sync} />
          </Table.Td>
          <Table.Td>
            <HealthWord health={one.health?.health} why={one.health?.message} />
          </Table.Td>
          <Table.Td>
            {one.stage === undefined ? (
              <span className="faint">–</span>
            ) : (
              <Link href={pipelineAddress({ namespace: one.namespace, name: one.stage.pipeline })}>
                {one.stage.pipeline}/{one.stage.name}
              </Link>
            )}
          </Table.Td>
          <Table.Td className="subject-cell" title={one.subject}>
            {one.revision !== undefined && <Sha id={one.revision} />} {one.subject}
          </Table.Td>
          <Table.Td className="cut">
            {one.cluster.name}/{one.destinationNamespace}
          </Table.Td>
          <Table.Td className="why" title={whyOf(one)}>
            <span className="brief">{whyOf(one)}</span>
          </Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}
