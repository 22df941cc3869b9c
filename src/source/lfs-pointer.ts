const firstLines = ['version https://git-lfs.github.com/spec/v1\n', 'version https://hawser.github.com/spec/v1\n'];
const maxPointerBytes = 1024;

/**
 * Whether a file's bytes are a Git LFS pointer: what stands in Git instead of a large file.
 * Source  git-lfs docs/spec.md: the version line comes first, the whole is smaller than 1,024 bytes.
 */
export function isLfsPointer(bytes: Uint8Array): boolean {
  if (bytes.byteLength >= maxPointerBytes) return false;
  const text = new TextDecoder().decode(bytes);
  return firstLines.some((line) => text.startsWith(line)) && /^oid sha256:[0-9a-f]{64}$/m.test(text);
}
