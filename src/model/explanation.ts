/** What a word that Sluice says means, and what follows from it: an entry of the reference. Whole sentences, Markdown inline code allowed. */
export type Explanation = {
  readonly meaning: string;
  /** For a person. */
  readonly toDo: string;
  /** What Sluice does by itself. */
  readonly next: string;
};

/**
 * Where an entry of the generated reference is, from the project's root. The only place that knows: `npm run generate` writes the headings, and
 * everything that points to an entry asks here. Heading ids are lower case on every Git host.
 */
export const addressOf = {
  reason: (kind: string, reason: string): string => `docs/reference/conditions.md#${kind}-${reason}`.toLowerCase(),
  cliError: (error: string): string => `docs/reference/cli-errors.md#${error}`.toLowerCase(),
} as const;
