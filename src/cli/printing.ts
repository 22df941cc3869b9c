import { harmless } from '../model/harmless.ts';
import type { Json } from '../model/json.ts';

export type OutputOption = { readonly output?: 'json' | undefined };

/** As `JSON.rawJSON`, which the types of the language do not know yet. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** Indented JSON with a line end; integers keep all their digits. */
export const jsonText = (value: unknown): string =>
  `${JSON.stringify(value, (_key, inner: Json) => (typeof inner === 'bigint' ? rawJson(inner.toString()) : inner), 2)}\n`;

/** Columns as kubectl prints them. What comes from commits and clusters may not steer the terminal. */
export function tableText(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(harmless));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** How long ago, as kubectl says it: 42s, 5m, 3h, 12d. */
export function ageText(since: string | undefined, now: Date): string {
  const seconds = since === undefined ? Number.NaN : Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)}m`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
