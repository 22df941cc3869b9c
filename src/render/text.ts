import { accepted, type Parsed, type Problem, refused } from '../model/parsed.ts';
import { isPortError } from '../model/port-error.ts';
import { maxFileBytes } from '../source/files.ts';

/** A file that no reader takes, which only another commit can change; undefined for every other error. */
export function unreadableFile(error: unknown): Problem | undefined {
  if (!isPortError(error, 'INVALID') || error.port !== 'source' || error.details?.name === undefined) return undefined;
  return {
    at: error.details.name,
    message: `is larger than ${maxFileBytes / 1024 / 1024} MiB, the most that is read of one file: make it smaller, or split it`,
  };
}

export const lfsMessage = 'is a Git LFS pointer, and large files are not fetched: commit the file itself';

/** The text of a file that must be UTF-8. */
export function textOf(bytes: Uint8Array, file: string): Parsed<string> {
  try {
    return accepted(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) return refused({ at: file, message: 'is not UTF-8 text: save it in that encoding' });
    throw error;
  }
}
