/** The floor of the bench: what the cameras send, byte for byte, to the sink. Arguments: port of the sink, addresses. */
import { connect } from 'node:net';
import { play } from './playing.ts';

const [port, ...urls] = process.argv.slice(2);

for (const url of urls) {
  const { socket, first } = await play(url);
  const sink = connect({ host: '127.0.0.1', port: Number(port), noDelay: true });
  sink.write(first);
  socket.pipe(sink);
}
