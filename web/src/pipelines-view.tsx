import { Link } from 'wouter';
import { usePipelines } from './api.ts';
import { Asked, Empty, useTitle } from './notices.tsx';
import { PipelineGraph } from './pipeline-graph.tsx';
import { pipelineAddress, StandingNote } from './words.tsx';

export function PipelinesView() {
  useTitle('Pipelines');
  const query = usePipelines();
  return (
    <>
      <h1>Pipelines</h1>
      <Asked query={query} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No Pipeline yet">
              A Pipeline says which stages the commits of a branch pass through. Write one and apply it to the hub, beginning with the example in{' '}
              <code>examples/shop/sluice</code>:<pre>kubectl apply --server-side -f examples/shop/sluice</pre>
            </Empty>
          ) : (
            items.map((pipeline) => (
              <section key={`${pipeline.namespace}/${pipeline.name}`} className="pipeline">
                <h2>
                  <Link href={pipelineAddress(pipeline)}>{pipeline.name}</Link>
                  <span className="faint">
                    {pipeline.namespace} · branch {pipeline.branch} of {pipeline.repository.name}
                    {pipeline.suspended && ' · suspended'}
                  </span>
                </h2>
                <StandingNote standing={pipeline.standing} />
                <PipelineGraph pipeline={pipeline} />
              </section>
            ))
          )
        }
      </Asked>
    </>
  );
}
