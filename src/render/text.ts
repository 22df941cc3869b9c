import { accepted, type Parsed, refused } from '../model/parsed.ts';

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
