import { Graph, layout } from '@dagrejs/dagre';

export const cardHeight = 196;
const usualWidth = 316;
const widestBelow = 440;
const gap = 72;
const gapBeside = 28;

export type Placed = { readonly name: string; readonly x: number; readonly y: number };
export type PipelineLayout = {
  readonly direction: 'LR' | 'TB';
  readonly cardWidth: number;
  readonly width: number;
  readonly height: number;
  readonly stages: readonly Placed[];
};

type Ordered = { readonly name: string; readonly after: readonly string[] };

/** Where the cards of the stages go: from left to right where they fit into the width (in pixels), else from top to bottom. */
export function layoutOf(stages: readonly Ordered[], availableWidth: number): PipelineLayout {
  const across = laidOut(stages, 'LR', usualWidth);
  if (across.width <= availableWidth) return across;
  const below = laidOut(stages, 'TB', usualWidth);
  // One below the other: then they may as well take the width of the window.
  return below.width > usualWidth ? below : laidOut(stages, 'TB', Math.min(availableWidth, widestBelow));
}

function laidOut(stages: readonly Ordered[], direction: 'LR' | 'TB', cardWidth: number): PipelineLayout {
  const graph = new Graph();
  graph.setGraph({ rankdir: direction, nodesep: gapBeside, ranksep: gap, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { name } of stages) graph.setNode(name, { width: cardWidth, height: cardHeight });
  for (const { name, after } of stages) for (const earlier of after) graph.setEdge(earlier, name);
  layout(graph);
  const placed = stages.map(({ name }) => {
    const { x, y } = graph.node(name) as { readonly x: number; readonly y: number };
    return { name, x: x - cardWidth / 2, y: y - cardHeight / 2 };
  });
  return {
    direction,
    cardWidth,
    stages: placed,
    width: Math.max(0, ...placed.map(({ x }) => x + cardWidth)),
    height: Math.max(0, ...placed.map(({ y }) => y + cardHeight)),
  };
}
