import { useElementSize } from '@mantine/hooks';
import { type Edge, Handle, type Node, type NodeProps, Position, ReactFlow, ReactFlowProvider } from '@xyflow/react';
import { useMemo } from 'react';
import type { Pipeline, Stage } from '../../src/api/answers.ts';
import { cardHeight, layoutOf } from './pipeline-layout.ts';
import { StageCard } from './stage-card.tsx';

type StageNode = Node<{ readonly stage: Stage; readonly across: boolean }, 'stage'>;

function StageInGraph({ data: { stage, across } }: NodeProps<StageNode>) {
  return (
    <>
      <Handle type="target" position={across ? Position.Left : Position.Top} isConnectable={false} />
      <StageCard stage={stage} />
      <Handle type="source" position={across ? Position.Right : Position.Bottom} isConnectable={false} />
    </>
  );
}

/** For the note that says by what the graph is drawn. */
const roomBelow = 18;
const nodeTypes = { stage: StageInGraph };

/** React Flow's complaint that its container has no size. It says so of one that is just being taken away as well; ours is drawn only with a size. */
const withoutSize = '004';

function complain(code: string, message: string): void {
  if (code !== withoutSize) console.warn(message);
}

/** The stages of a Pipeline and what comes after what, at the size at which they are read: the page scrolls, not the graph. */
export function PipelineGraph({ pipeline }: { readonly pipeline: Pipeline }) {
  const { ref, width } = useElementSize();
  const shape = JSON.stringify(pipeline.stages.map(({ name, after }) => ({ name, after })));
  const layout = useMemo(() => layoutOf(JSON.parse(shape), width), [shape, width]);
  const across = layout.direction === 'LR';
  const nodes = pipeline.stages.flatMap((stage): StageNode[] => {
    const place = layout.stages.find(({ name }) => name === stage.name);
    if (place === undefined) return [];
    return [{ id: stage.name, type: 'stage', position: { x: place.x, y: place.y }, data: { stage, across }, width: layout.cardWidth, height: cardHeight }];
  });
  const edges = pipeline.stages.flatMap(({ name, after, admitted }): Edge[] =>
    after.map((earlier) => ({
      id: `${earlier} ${name}`,
      source: earlier,
      target: name,
      type: 'smoothstep',
      className: admitted?.verdict === 'pending' ? 'moving' : 'still',
    })),
  );
  return (
    <div ref={ref} className="graph" style={{ height: layout.height + roomBelow }}>
      {width > 0 && (
        <ReactFlowProvider>
          <ReactFlow
            nodes={nodes}
            edges={edges}
            nodeTypes={nodeTypes}
            nodesDraggable={false}
            nodesConnectable={false}
            nodesFocusable={false}
            edgesFocusable={false}
            elementsSelectable={false}
            panOnDrag={false}
            zoomOnScroll={false}
            zoomOnPinch={false}
            zoomOnDoubleClick={false}
            preventScrolling={false}
            colorMode="system"
            onError={complain}
          />
        </ReactFlowProvider>
      )}
    </div>
  );
}
