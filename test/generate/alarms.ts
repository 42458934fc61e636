import { EVENT_KINDS } from '../../agent/alarms/onvif/topics.ts';
import { ALARM_CODES, ALWAYS_ARMED, type AlarmCode } from '../../agent/contract/alarm-codes.ts';
import { outboxClassOf } from '../../agent/contract/delivery.ts';
import { besideRows, kindRows, objectRows } from './alarm-kinds.ts';

/** `docs/reference/alarms.md`: where alarms come from, and what the codes of alarm panels mean. */
export function alarmsPage(): string {
  const rows = ALARM_CODES.map(codeRow);
  const cameraRows = Object.entries(EVENT_KINDS).map(([kind, { topics, happening }]) => {
    const list = topics.map((topic) => `\`${topic}\``).join(', ');
    const how = happening ? 'happens' : 'holds';
    const severity = kind === 'digital-input' ? 'of the point, else of its `code`' : 'of the point';
    return `| \`${kind}\` | camera | ONVIF event that ${how}: ${list} | ${severity} |`;
  });
  return `# Alarms: sources and codes

Generated from \`agent/alarms\`; do not edit. The messages are in [mqtt.md](mqtt.md), the settings in
[configuration.md](configuration.md).

## Sources

| \`kind\` of the point | \`source\` | what raises it | severity |
| --- | --- | --- | --- |
${cameraRows.join('\n')}
| \`panel-zone\` | panel | SIA DC-09, a code of the table below | of the point, else of the code |
| \`panel-silence\` | panel | SIA DC-09, nothing from the account within its supervision time | of the point |
| \`module-input\` | input module | Modbus TCP, a discrete input (function 2) | of the point, else of its \`code\` |
| \`ups-mains\` | UPS | NUT, \`ups.status\` holds \`OB\` | of the point |
| \`ups-battery\` | UPS | NUT, \`ups.status\` holds \`LB\` or \`FSD\` | of the point |
| \`ups-battery-replace\` | UPS | NUT, \`ups.status\` holds \`RB\` | of the point |
| \`ups-communication\` | UPS | no good data of the UPS for \`lostAfterMs\` | of the point |
| \`object-above\`, \`object-below\` | object | MQTT at a broker of the building, a number beyond its limit | of the point |
| \`object-equal\` | object | MQTT, this value | of the point |
| \`object-silence\` | object | MQTT, no value for \`silentAfterS\` | of the point |
| \`camera-health\` | camera, or \`collector\` for all | health of the camera: \`down\`, or \`degraded\` | of the point |
| \`camera-network\` | \`collector\` | no camera answers; \`camera-health\` of each is not raised besides | of the point |
| \`box-disk\` | \`collector\` | free space of the state folder | of the point |
| \`box-temperature\` | \`collector\` | temperature of the processor | of the point |
| \`box-clock\` | \`collector\` | the clock is not synchronised | of the point |
| \`box-certificate\` | \`collector\` | the certificate of the box ends soon | of the point |
| \`box-outbox\` | \`collector\` | the fullest bound of the outbox | of the point |
| \`box-store\` | \`collector\` | the disk refuses, or a damaged database lies set aside | of the point |
| \`box-link\` | \`collector\` | no link to the centre; told when it is back | of the point |
| \`box-video\` | \`collector\` | the video process is not running | of the point |
| \`box-backbone\` | \`collector\` | a path to the broker is slow, lossy or full | of the point |
| \`box-disk-wear\` | \`collector\` | life of the disk that is used up | of the point |
| \`box-unknown-device\` | \`collector\` | the last inventory saw a device that is not configured | of the point |
| \`camera-moved\` | \`collector\` | the last inventory saw a camera at another address | of the point |
| \`source-failure\` | the source that failed | it does not do its work for ten seconds; the box makes the point | major |

## What each kind means

Severity is that of the point; here is the one it has when its entry names none. The class says what is sent first and
dropped last: it follows the category; only where there is none, the severity of the entry. Every point is told
by the same transitions: \`raised\`, \`acknowledged\`, \`cleared\`, \`closed\`, \`shelved\`, \`unshelved\`,
\`chattering\`, \`steady\`, \`updated\` (it lasts, for another cause); one that is not armed by \`activity\` alone.

| \`kind\` | category | severity | class | raised | cleared | a schedule may disarm it | ends |
| --- | --- | --- | --- | --- | --- | --- | --- |
${kindRows().join('\n')}

A connected object means what its \`category\` says:

| \`category\` | severity | class | raised | cleared | a schedule may disarm it |
| --- | --- | --- | --- | --- | --- |
${objectRows().join('\n')}

Topics of ONVIF are compared without prefixes and in small letters, and what stands below one counts with it; a point may
name more of them (\`topics\`). A state holds until the camera says that it is over. What happens is only ever said once:
its alarm ends \`clearsAfterS\` after the last time.

A source that fails for longer than ten seconds is itself an alarm: the point \`pt-source-\` and the id of the source, of
kind \`source-failure\`, severity major, raised once with its \`cause\` ([errors.md](errors.md)) and cleared when it works
again. The box makes the point when the source first fails. Its own points become \`unknown\`; other sources go on.

A maintenance window keeps a point from raising its alarm, but not one of fire, panic, medical help or gas: that is raised
and carries the id of the window in \`window\`, unless the entry of the point says \`maintenanceSilences\`.

## What is told beside the alarms of points

Events that are no alarm of a point, and the class of the outbox in which each goes. \`flood\` sums up alarms that come
faster than anybody reads, and holds none back; \`path\` tells a path that is lost, is back, or is now in use.

| event | what it says | class |
| --- | --- | --- |
${besideRows().join('\n')}

## Codes of alarm panels

A point whose entry leaves it open is as grave as the gravest code that holds: category, severity, class and codes are
those of that one. When a graver one comes the alarm is \`raised\` again, with the same id and one more \`count\`, to be
acknowledged anew; when it ends and others hold, the state says what is left.

A code raises or clears every \`panel-zone\` that listens to its account, area, zone and code. What raises and clears no
point is told as \`event/panel-signal\`, with the same fields; so is a code that stands not in this table (category
\`unknown\`, class intrusion: it is taken for an alarm). Contact ID: qualifiers 1 and 6 raise, 3 clears.

| what | category | severity | class | SIA raised | SIA cleared | Contact ID | a schedule may disarm it |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

## What a panel is answered

| message | answer |
| --- | --- |
| good, and on disk | ACK, encrypted where the message was |
| the same once more, with the same number; also with the time of another try, within a minute | ACK, no second event |
| the same to its time stamp once more, encrypted | ACK; it is no second sign of life for the supervision of the account |
| encrypted, time stamp outside the window | NAK with the time of the box, never encrypted |
| the same, while the box does not know the time: older than what the account said before | none: a wrong time would set the panel wrong; what is newer gets its ACK with the time that the panel gave |
| good, but of a form that cannot be processed; an unknown account; a wrong key; in clear although the account has a key | DUH |
| wrong CRC or length, not on disk | none: the panel keeps the message and comes again |
`;
}

function codeRow(code: AlarmCode): string {
  const list = (codes: readonly string[]) => codes.join(', ') || '–';
  const kind = code.cleared.length === 0 ? ' (report: never an alarm)' : '';
  const sort = outboxClassOf(kind === '' ? 'alarm' : 'panel-signal', code);
  const cells = [code.means + kind, code.category, code.severity, sort];
  const armed = kind !== '' ? '–' : ALWAYS_ARMED.includes(code.category) ? 'no' : 'yes';
  return `| ${[...cells, list(code.raised), list(code.cleared), list(code.contactId), armed].join(' | ')} |`;
}
