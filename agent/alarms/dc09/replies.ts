import { encryptContent } from './cipher.ts';
import { type Frame, writeFrame } from './frame.ts';
import { writeTime } from './time.ts';

/** "Delivered": encrypted and with the time where the message was encrypted. @see ANSI/SIA DC-09 §5.5.2 */
export function ack(message: Frame, key: Buffer | undefined, wallMs: number): Buffer {
  const content = message.encrypted && key ? encryptContent(`[]_${writeTime(wallMs)}`, key) : '[]';
  return writeFrame({ ...message, token: 'ACK', content });
}

/** "Well received, but it cannot be processed": repeating helps nobody. Never encrypted. @see ANSI/SIA DC-09 §5.5.4 */
export function duh(message: Frame): Buffer {
  return writeFrame({ ...message, token: 'DUH', encrypted: false, content: '[]' });
}

/** "Your clock is not mine": with the time of the receiver, never encrypted, without an account. @see §5.5.3 */
export function nak({ crcForm }: Frame, wallMs: number): Buffer {
  const content = `A0[]_${writeTime(wallMs)}`;
  return writeFrame({
    token: 'NAK',
    encrypted: false,
    sequence: '0000',
    receiver: '0',
    line: '0',
    content,
    crcForm,
  });
}
