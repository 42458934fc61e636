import type { ServerResponse } from 'node:http';
import type { BadAnswer } from './onvif-options.ts';

const DRIP_MS = 200;
const CHUNK = Buffer.alloc(65_536, '<a>');

/** What broken or hostile devices send. */
export function sendBadAnswer(kind: BadAnswer, response: ServerResponse): void {
  const soap = { 'Content-Type': 'application/soap+xml; charset=utf-8' };
  if (kind === 'redirect') return void response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end();
  if (kind === 'html') {
    return void response
      .writeHead(200, { 'Content-Type': 'text/html' })
      .end('<html><body>Not Found<br></body>');
  }
  response.writeHead(200, soap);
  if (kind === 'garbage') response.end(Buffer.from([0xff, 0xfe, 0x00, 0x3c, 0x80, 0x3e]));
  else if (kind === 'truncated')
    response.end('<?xml version="1.0"?><env:Envelope xmlns:env="http://www.w3.org/2003');
  else if (kind === 'entities') response.end(entityBomb());
  else if (kind === 'endless') pour(response);
  else drip(response);
}

/** Each entity holds ten of the one before. */
function entityBomb(): string {
  const levels = Array.from({ length: 12 }, (_, i) => i + 1);
  const entities = levels.map((level) => `<!ENTITY e${level} "${`&e${level - 1};`.repeat(10)}">`);
  return `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "beffroi">${entities.join('')}]><x>&e12;</x>`;
}

function pour(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write(CHUNK));
  };
  response.on('drain', more);
  more();
}

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), DRIP_MS);
  response.on('close', () => clearInterval(timer));
}
