import { ensurePage } from './page.ts';

await ensurePage({ say: console.log });
