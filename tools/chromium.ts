import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { ensureUnpacked, type Unpacked } from './debian-packages.ts';
import { type Environment, namedByEnvironment, onPath } from './machine-programs.ts';
import type { Say } from './run-program.ts';

type Program = { readonly command: string; readonly env: Readonly<Record<string, string>> };
type Options = { readonly say: Say; readonly environment?: Environment };

/** A real Chromium without a window. Inside a container, where one is root, its sandbox cannot be had. */
export async function startChromium(options: Options): Promise<Browser> {
  const { command, env } = await ensureChromium(options);
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({
    executablePath: command,
    args: [...sandbox, '--disable-dev-shm-usage', '--disable-gpu'],
    env: { ...(process.env as Record<string, string>), ...env },
  });
}

/**
 * The machine's own Chromium or Chrome; else Debian's packages with all that they need, unpacked into the cache.
 * Throws with one line that says what to install.
 */
async function ensureChromium({ say, environment = process.env }: Options): Promise<Program> {
  const own =
    namedByEnvironment('chromium', environment) ??
    ['chromium', 'chromium-browser', 'google-chrome'].map((program) => onPath(program, environment)).find((path) => path !== undefined);
  if (own !== undefined) return { command: own, env: {} };
  const advice = 'install it (Debian: apt-get install chromium), or name the program of this machine with SLUICE_CHROMIUM_BIN';
  const cache = join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice', 'parts');
  await mkdir(cache, { recursive: true });
  const unpacked = await ensureUnpacked({ what: 'Chromium', name: 'chromium', packages: ['chromium', 'fonts-inter'], advice, cache, say, environment });
  return { command: join(unpacked.folder, 'usr/lib/chromium/chromium'), env: { ...unpacked.env, FONTCONFIG_FILE: await fontSettings(unpacked) } };
}

/** Without root no font is where programs look for it. */
async function fontSettings({ folder }: Unpacked): Promise<string> {
  const file = join(folder, 'fonts.conf');
  const settings = [
    '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>',
    '<dir>/usr/share/fonts</dir>',
    `<dir>${folder}/usr/share/fonts</dir>`,
    `<cachedir>${folder}/font-cache</cachedir>`,
    ...['/etc/fonts/conf.d', `${folder}/etc/fonts/conf.d`].map((path) => `<include ignore_missing="yes">${path}</include>`),
    '</fontconfig>',
  ];
  await writeFile(file, `${settings.join('\n')}\n`);
  return file;
}
