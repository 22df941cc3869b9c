import { Table } from '@mantine/core';
import type { Repository } from '../../src/api/answers.ts';
import { useClusters, useRepositories } from './api.ts';
import { Asked, useTitle } from './notices.tsx';
import { Rows } from './rows.tsx';
import { Ago } from './times.tsx';
import { ReadyWord, Sha } from './words.tsx';

/** What a user wrote into a Repository: followed only where it leads to a web page, safely. */
const Address = ({ url }: { readonly url: string }) =>
  url.startsWith('https://') ? (
    <a href={url} target="_blank" rel="noreferrer noopener">
      {url}
    </a>
  ) : (
    <span>{url}</span>
  );

function NewestBranch({ refs }: Pick<Repository, 'refs'>) {
  const newest = refs.find(({ name }) => name.startsWith('refs/heads/'));
  if (newest === undefined) return <span className="faint">–</span>;
  return (
    <>
      {newest.name.slice('refs/heads/'.length)} <Sha id={newest.commit} />{' '}
      <span className="faint">
        <Ago time={newest.movedAt} />
      </span>
    </>
  );
}

export function PlacesView() {
  useTitle('Places');
  const repositories = useRepositories();
  const clusters = useClusters();
  return (
    <>
      <h1>Places</h1>
      <section>
        <h2>Repositories</h2>
        <Asked query={repositories}>
          {({ items }) => (
            <Rows columns={['Repository', 'State', 'Address', 'Newest branch', 'Why']}>
              {items.map((one) => (
                <Table.Tr key={`${one.namespace}/${one.name}`}>
                  <Table.Td className="name">
                    {one.name} <span className="faint">{one.namespace}</span>
                  </Table.Td>
                  <Table.Td>
                    <ReadyWord standing={one.standing} />
                  </Table.Td>
                  <Table.Td className="cut">
                    <Address url={one.url} />
                  </Table.Td>
                  <Table.Td>
                    <NewestBranch refs={one.refs} />
                  </Table.Td>
                  <Table.Td className="why">
                    {one.standing.ready === 'True' ? '' : one.standing.message}
                    {one.missing.length > 0 && ` missing: ${one.missing.join(', ')}`}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )}
        </Asked>
      </section>
      <section>
        <h2>Clusters</h2>
        <Asked query={clusters}>
          {({ items }) => (
            <Rows columns={['Cluster', 'State', 'Version', 'Watched since', 'Why']}>
              {items.map((one) => (
                <Table.Tr key={`${one.namespace}/${one.name}`}>
                  <Table.Td className="name">
                    {one.name} <span className="faint">{one.namespace}</span>
                  </Table.Td>
                  <Table.Td>
                    <ReadyWord standing={one.standing} />
                  </Table.Td>
                  <Table.Td>{one.version}</Table.Td>
                  <Table.Td className="time">{one.watchedSince === undefined ? 'not watched' : <Ago time={one.watchedSince} />}</Table.Td>
                  <Table.Td className="why">{one.standing.ready === 'True' ? '' : one.standing.message}</Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )}
        </Asked>
      </section>
    </>
  );
}
