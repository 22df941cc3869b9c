/** A unified diff, a line per row. The text is whatever stands in manifests: it is shown and never read. */
export function Patch({ text }: { readonly text: string }) {
  // The first lines name the object, which stands above already.
  const lines = text.replace(/\n$/, '').split('\n');
  const begin = lines.findIndex((line) => line.startsWith('@@'));
  return (
    <pre className="patch">
      {lines.slice(Math.max(0, begin)).map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a text have no other name
        <span key={index} className={kindOf(line)}>
          {line.startsWith('@@') ? '⋯' : line}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

function kindOf(line: string): string {
  if (line.startsWith('@@')) return 'between';
  if (line.startsWith('+')) return 'added';
  return line.startsWith('-') ? 'removed' : 'same';
}
