import t from 'tap';
import { outboxClassOf } from '../../agent/contract/delivery.ts';

t.test('delivery: an event is of the higher class of its severity and its category', async (t) => {
  const cases: [string, object, string][] = [
    ['alarm', { severity: 'critical', kind: 'digital-input' }, 'life-safety'],
    ['alarm', { severity: 'major', kind: 'digital-input' }, 'intrusion'],
    ['alarm', { severity: 'warning', kind: 'digital-input' }, 'technical'],
    ['alarm', { severity: 'info', kind: 'ups-mains', category: 'power' }, 'technical'],
    ['alarm', { severity: 'warning', kind: 'tampering' }, 'intrusion'],
    ['alarm', { severity: 'critical', kind: 'tampering' }, 'life-safety'],
    ['alarm', { severity: 'warning', category: 'fire' }, 'life-safety'],
    ['alarm', { severity: 'info', category: 'tamper' }, 'intrusion'],
    ['alarm', { severity: 'critical', category: 'intrusion' }, 'life-safety'],
    ['alarm', {}, 'intrusion'],
    ['panel-signal', { severity: 'warning', category: 'panic' }, 'life-safety'],
    ['panel-signal', { severity: 'info', category: 'test' }, 'technical'],
    ['loss', {}, 'intrusion'],
    ['time-correction', {}, 'intrusion'],
    ['path', {}, 'intrusion'],
    ['command', { severity: 'critical' }, 'service'],
  ];
  for (const [name, fields, expected] of cases)
    t.equal(outboxClassOf(name, fields), expected, `${name} ${JSON.stringify(fields)}`);
});
