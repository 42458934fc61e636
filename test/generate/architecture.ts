import { readFile } from 'node:fs/promises';
import { checkRooms } from '../rooms/check.ts';
import { ROOMS } from '../rooms/table.ts';

const BEGIN = '<!-- generated: rooms -->';
const END = '<!-- end of generated: rooms -->';

/** `docs/architecture.md` with its drawing made anew from the code; the text around it is written by hand. */
export async function architecturePage(file: string): Promise<string> {
  const page = await readFile(file, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} lacks ${BEGIN} … ${END}`);
  return `${before}${BEGIN}\n${await drawing()}\n${END}${after}`;
}

async function drawing(): Promise<string> {
  const { edges } = await checkRooms();
  const drawn = Object.keys(ROOMS)
    .flatMap((room) => [...(edges.get(room) ?? [])].sort().map((to) => `  ${room} --> ${to}`))
    .join('\n');
  const table = Object.entries(ROOMS).map(
    ([name, room]) =>
      `| \`${name}\` | ${room.is} | ${room.mayImport.join(', ') || '–'} | ${room.owns.join(', ') || '–'} |`,
  );
  return `\n\`\`\`mermaid\nflowchart TD\n${drawn}\n\`\`\`\n
| room | what it is | may import | owns |\n| --- | --- | --- | --- |\n${table.join('\n')}\n`;
}
