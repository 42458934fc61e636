import { EVENT_KINDS } from '../../agent/alarms/onvif/topics.ts';
import { ALARM_CODES, type AlarmCode } from '../../agent/contract/alarm-codes.ts';

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

Topics of ONVIF are compared without prefixes and in small letters, and what stands below one counts with it; a point may
name more of them (\`topics\`). A state holds until the camera says that it is over. What happens is only ever said once:
its alarm ends \`clearsAfterS\` after the last time.

A source that fails for longer than ten seconds is itself an alarm: the point \`pt-source-\` and the id of the source, of
kind \`source-failure\`, severity major, raised once with its \`cause\` ([errors.md](errors.md)) and cleared when it works
again. The box makes the point when the source first fails. Its own points become \`unknown\`; other sources go on.

Points of objects name their category; points of equipment and of the box have the one of this page: \`camera-network\`,
\`box-link\` and \`box-outbox\` communication (YC/YK, 350), \`box-temperature\` temperature (KA/KH, 158), the others
equipment (ET/ER, 143).

## Codes of alarm panels

A code raises or clears every \`panel-zone\` that listens to its account, area, zone and code. What raises and clears no
point is told as \`event/panel-signal\`, with the same fields; so is a code that stands not in this table (category
\`unknown\`). Contact ID: qualifiers 1 and 6 raise, 3 clears.

| what | category | severity | SIA raised | SIA cleared | Contact ID |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

## What a panel is answered

| message | answer |
| --- | --- |
| good, and on disk | ACK, encrypted where the message was |
| the same once more, with the same number | ACK, no second event |
| encrypted, time stamp outside the window | NAK with the time of the box, never encrypted |
| good, but of a form that cannot be processed; an unknown account; a wrong key; in clear although the account has a key | DUH |
| wrong CRC or length, not on disk | none: the panel keeps the message and comes again |
`;
}

function codeRow(code: AlarmCode): string {
  const list = (codes: readonly string[]) => codes.join(', ') || '–';
  const kind = code.cleared.length === 0 ? ' (report: never an alarm)' : '';
  const cells = [code.means + kind, code.category, code.severity];
  return `| ${[...cells, list(code.raised), list(code.cleared), list(code.contactId)].join(' | ')} |`;
}
