import { Table } from '@mantine/core';
import type { Pipeline, Release, Stage } from '../../src/api/answers.ts';
import { usePipeline, useReleases } from './api.ts';
import { Asked, useTitle } from './notices.tsx';
import { PipelineGraph } from './pipeline-graph.tsx';
import { Rows } from './rows.tsx';
import { Ago } from './times.tsx';
import { authorName, Sha, StageWord, StandingNote, VerdictWord } from './words.tsx';

type Named = { readonly namespace: string; readonly name: string };

export function PipelineView({ namespace, name }: Named) {
  useTitle(name);
  const query = usePipeline({ namespace, name });
  const releases = useReleases({ namespace, name });
  return (
    <Asked query={query} rows={8}>
      {(pipeline) => (
        <>
          <h1>
            {pipeline.name}
            <span className="faint">
              {pipeline.namespace} · branch {pipeline.branch} of {pipeline.repository.name}
              {pipeline.suspended && ' · suspended'}
            </span>
          </h1>
          <StandingNote standing={pipeline.standing} />
          <PipelineGraph pipeline={pipeline} />
          <section>
            <h2>Releases</h2>
            <Asked query={releases}>{({ items }) => <Releases pipeline={pipeline} releases={items} />}</Asked>
          </section>
          <section>
            <h2>History</h2>
            <History stages={pipeline.stages} />
          </section>
        </>
      )}
    </Asked>
  );
}

function Releases({ pipeline, releases }: { readonly pipeline: Pipeline; readonly releases: readonly Release[] }) {
  if (releases.length === 0) {
    return <p className="faint">None yet: push a commit to {pipeline.branch} that changes what one of the Applications reads.</p>;
  }
  return (
    <Rows columns={['Release', ...pipeline.stages.map(({ name }) => name), 'Commit', 'Author', 'Committed']}>
      {releases.map((release) => (
        <Table.Tr key={release.name}>
          <Table.Td className="subject-cell" title={release.subject}>
            {release.subject}
            {release.rewritten && <span className="faint"> (history was rewritten)</span>}
          </Table.Td>
          {pipeline.stages.map(({ name }) => {
            const its = release.stages.find((stage) => stage.name === name);
            return <Table.Td key={name}>{its === undefined ? <span className="faint">–</span> : <StageWord state={its.state} why={its.reason} />}</Table.Td>;
          })}
          <Table.Td>
            <Sha id={release.revision} />
          </Table.Td>
          <Table.Td>{authorName(release.author ?? '')}</Table.Td>
          <Table.Td className="time">
            <Ago time={release.committedAt} />
          </Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}

/** Admissions of all stages, newest first: what runs now and what ran before. */
function History({ stages }: { readonly stages: readonly Stage[] }) {
  const admissions = stages
    .flatMap(({ name, admitted, history }) => [
      ...(admitted === undefined ? [] : [{ ...admitted, stage: name, endedAt: undefined }]),
      ...history.map((past) => ({ ...past, stage: name })),
    ])
    .toSorted((a, b) => Date.parse(b.admittedAt) - Date.parse(a.admittedAt));
  if (admissions.length === 0) return <p className="faint">No stage has admitted a Release yet.</p>;
  return (
    <Rows columns={['Stage', 'Release', 'Verdict', 'Why', 'Promotion commit', 'Entered']}>
      {admissions.map(({ stage, ordinal, release, verdict, reason, commit, admittedAt, endedAt }) => (
        <Table.Tr key={`${stage} ${ordinal}`}>
          <Table.Td className="name">
            {stage} <span className="faint">#{ordinal}</span>
          </Table.Td>
          <Table.Td className="subject-cell" title={release.subject}>
            {release.subject ?? release.name}
            {endedAt === undefined && <span className="faint"> (runs now)</span>}
          </Table.Td>
          <Table.Td>
            <VerdictWord verdict={verdict} />
          </Table.Td>
          <Table.Td className="why" title={reason}>
            <span className="brief">{reason}</span>
          </Table.Td>
          <Table.Td>{commit === undefined ? <span className="faint">–</span> : <Sha id={commit} />}</Table.Td>
          <Table.Td className="time">
            <Ago time={admittedAt} />
          </Table.Td>
        </Table.Tr>
      ))}
    </Rows>
  );
}
