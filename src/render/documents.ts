import { constructFromEvents, EVENT_ID, type Event, parseEvents, YAMLException } from 'js-yaml';
import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { kubectlSchema } from './scalars.ts';

const maxTextLength = 64 * 1024 * 1024;
const maxExpandedCharacters = 64 * 1024 * 1024;
const maxNodes = 1_000_000;
const maxDepth = 100;
const maxMergedKeys = 100_000;
const maxProblems = 20;

/** One document of a YAML or JSON text. `line` is where it starts, counted from 1. */
export type YamlDocument = { readonly value: unknown; readonly line: number };

/**
 * Reads YAML or JSON as kubectl does, documents without content left out. Refused, all at once with their lines: what is no YAML, doubled keys,
 * numbers that JSON does not have, unknown tags, and what is too large once its aliases are written out.
 * @param file  where the text comes from, for messages. No message repeats a value of the text: it may be a Secret.
 */
export function readDocuments(text: string, file: string): Parsed<readonly YamlDocument[]> {
  const whole = read(text, file, 0);
  if (whole.ok) return whole;
  const problems: Problem[] = [];
  for (const part of parts(text)) {
    const answer = read(part.text, file, part.line);
    if (!answer.ok) problems.push(...answer.problems);
    if (problems.length === maxProblems) return refused(...problems, { at: file, message: 'more problems follow; correct these first' });
  }
  return problems.length === 0 ? whole : refused(...problems);
}

/**
 * Why a file is more than any tool should be given: its aliases, written out, or its nesting, which kustomize takes more than a minute for
 * at 10,000 levels. Undefined for what is no YAML at all.
 */
export function bombProblem(text: string, file: string): Problem | undefined {
  if (!/(?:^|[\s[{,])\*\S/.test(text) && !looksDeep(text)) return undefined;
  const parsed = read(text, file, 0);
  const problem = parsed.ok ? undefined : parsed.problems[0];
  return problem !== undefined && expansionProblem.test(problem.message) ? problem : undefined;
}

/** Says yes to everything that is too deep, and to some texts that are not: only those are parsed. */
function looksDeep(text: string): boolean {
  if (deepBlocks.test(text)) return true;
  let open = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === openList || character === openMap) open++;
    else if ((character === closeList || character === closeMap) && open > 0) open--;
    if (open > maxDepth / 2) return true;
  }
  return false;
}

// A level of a block takes a column at least, and a list may stand in the column of its key.
const deepBlocks = new RegExp(`^[ \\t?:-]{${Math.floor(maxDepth / 4)},}`, 'm');

const expansionProblem = /^(?:its aliases|is nested deeper|merge keys)/;

/** Documents apart, so that the mistake in one does not hide that in another. */
function* parts(text: string): Generator<{ readonly text: string; readonly line: number }> {
  let start = 0;
  let line = 0;
  for (const { index } of text.matchAll(/^---(?=\s|$)/gm)) {
    if (index === start) continue;
    const part = text.slice(start, index);
    yield { text: part, line };
    line += linesIn(text, start, index);
    start = index;
  }
  yield { text: text.slice(start), line };
}

function read(text: string, file: string, linesBefore: number): Parsed<readonly YamlDocument[]> {
  const refuse = (message: string, line = 1) => refused({ at: `${file}:${linesBefore + line}`, message });
  if (text.length > maxTextLength || tooManySeparators(text)) return refuse(tooLarge);
  try {
    const events = parseEvents(text, { maxDepth });
    if (events.length > maxNodes) return refuse(tooLarge);
    const values = constructFromEvents(events, { source: text, schema: kubectlSchema, maxTotalMergeKeys: maxMergedKeys });
    const lines = startLines(events, text);
    const documents = values
      .map((value, index) => ({ value, line: linesBefore + (lines[index] ?? 1) }))
      .filter(({ value }) => value !== null && value !== undefined);
    const wrong = mayHideMuch(events, text) ? firstUnfit(documents) : undefined;
    return wrong === undefined ? accepted(documents) : refused({ at: `${file}:${wrong.line}`, message: wrong.message });
  } catch (error) {
    if (error instanceof YAMLException) return refuse(withoutValues(error.reason), (error.mark?.line ?? 0) + 1);
    throw error;
  }
}

const tooLarge = `is larger than can be applied (over ${maxNodes.toLocaleString('en')} values or ${maxTextLength / 1024 / 1024} MiB): split it`;

// Every value needs a separator of its own: counting them bounds the parser's memory before it runs.
function tooManySeparators(text: string): boolean {
  if (text.length <= maxNodes) return false;
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === comma || character === newline || character === openList || character === openMap || character === colon) count++;
  }
  return count > 2 * maxNodes;
}

const [comma, newline, openList, closeList, openMap, closeMap, colon] = [44, 10, 91, 93, 123, 125, 58];

function startLines(events: readonly Event[], text: string): readonly number[] {
  const lines: number[] = [];
  let line = 1;
  let position = 0;
  events.forEach((event, index) => {
    if (event.type !== EVENT_ID.DOCUMENT) return;
    const start = startOf(events[index + 1]);
    if (start > position) {
      line += linesIn(text, position, start);
      position = start;
    }
    lines.push(line);
  });
  return lines;
}

function startOf(event: Event | undefined): number {
  if (event === undefined || event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) return 0;
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart;
  return event.type === EVENT_ID.SCALAR ? event.valueStart : event.start;
}

function linesIn(text: string, from: number, to: number): number {
  let lines = 0;
  for (let index = text.indexOf('\n', from); index !== -1 && index < to; index = text.indexOf('\n', index + 1)) lines++;
  return lines;
}

/** Without aliases and without `.nan` the events' number and depth have said everything. */
const mayHideMuch = (events: readonly Event[], text: string): boolean => events.some(({ type }) => type === EVENT_ID.ALIAS) || /\.(?:inf|nan)/i.test(text);

type Extent = { readonly nodes: number; readonly characters: number; readonly height: number };
type Unfit = { readonly message: string };

function firstUnfit(documents: readonly YamlDocument[]): { readonly line: number; readonly message: string } | undefined {
  const known = new Map<object, Extent>();
  let nodes = 0;
  let characters = 0;
  for (const { value, line } of documents) {
    const extent = extentOf(value, 0, known);
    if ('message' in extent) return { line, message: extent.message };
    nodes += extent.nodes;
    characters += extent.characters;
    if (nodes > maxNodes || characters > maxExpandedCharacters)
      return { line, message: `its aliases, written out, make it too large (over ${maxNodes.toLocaleString('en')} values): split the file` };
  }
  return undefined;
}

/** How large a value is when everything that is shared in it is written out; shared values are measured once, so a bomb costs nothing. */
function extentOf(value: unknown, depth: number, known: Map<object, Extent>): Extent | Unfit {
  if (typeof value === 'number' && !Number.isFinite(value)) return { message: 'holds .nan or .inf, which JSON does not have: quote it if it is text' };
  if (typeof value !== 'object' || value === null) return { nodes: 1, characters: typeof value === 'string' ? value.length : 8, height: 0 };
  const before = known.get(value);
  if (depth + (before?.height ?? 0) > maxDepth) return { message: `is nested deeper than ${maxDepth} levels` };
  if (before !== undefined) return before;

  let nodes = 1;
  let characters = 0;
  let height = 0;
  for (const [key, inner] of Object.entries(value)) {
    const extent = extentOf(inner, depth + 1, known);
    if ('message' in extent) return extent;
    nodes += extent.nodes;
    characters += key.length + extent.characters;
    height = Math.max(height, extent.height + 1);
  }
  const extent = { nodes, characters, height };
  known.set(value, extent);
  return extent;
}

/** The parser's reasons quote alias and tag names, and an unquoted password may begin with `*` or `!`. */
function withoutValues(reason: string): string {
  if (/alias/.test(reason)) return 'an alias (*…) names no anchor before it; quote the value if it is text';
  if (/\btag\b/.test(reason)) return 'a tag (!…) is not one that manifests may use, or does not fit its value; quote the value if it is text';
  if (/duplicated mapping key/.test(reason)) return 'the key stands twice in one mapping';
  if (/maxDepth/.test(reason)) return `is nested deeper than ${maxDepth} levels`;
  if (/maxTotalMergeKeys|abnormal merge/.test(reason)) return 'merge keys (<<) bring in too many keys';
  return `is not valid YAML: ${reason}`;
}
