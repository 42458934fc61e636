import t from 'tap';
import { outboxClassOf } from '../../agent/contract/delivery.ts';

t.test(
  'delivery: the class of an alarm follows its category, and its severity only without one',
  async (t) => {
    const cases: [string, object, string][] = [
      ['alarm', { severity: 'critical', kind: 'digital-input' }, 'life-safety'],
      ['alarm', { severity: 'major', kind: 'digital-input' }, 'intrusion'],
      ['alarm', { severity: 'warning', kind: 'digital-input' }, 'technical'],
      ['alarm', { severity: 'info', kind: 'ups-mains', category: 'power' }, 'technical'],
      ['alarm', { severity: 'warning', kind: 'tampering' }, 'intrusion'],
      ['alarm', { severity: 'critical', kind: 'tampering' }, 'intrusion'],
      ['alarm', { severity: 'major', kind: 'camera-health', category: 'equipment' }, 'technical'],
      ['alarm', { severity: 'critical', kind: 'ups-battery', category: 'battery' }, 'technical'],
      ['alarm', { severity: 'info', category: 'unknown' }, 'intrusion'],
      ['alarm', { severity: 'warning', category: 'fire' }, 'life-safety'],
      ['alarm', { severity: 'info', category: 'tamper' }, 'intrusion'],
      ['alarm', { severity: 'critical', category: 'intrusion' }, 'intrusion'],
      ['alarm', {}, 'intrusion'],
      ['activity', { severity: 'critical', category: 'fire' }, 'life-safety'],
      ['activity', { severity: 'critical', category: 'intrusion' }, 'service'],
      ['activity', { severity: 'critical' }, 'service'],
      ['panel-signal', { severity: 'warning', category: 'unknown' }, 'intrusion'],
      ['panel-signal', { severity: 'warning', category: 'panic' }, 'life-safety'],
      ['panel-signal', { severity: 'info', category: 'test' }, 'technical'],
      ['loss', {}, 'intrusion'],
      ['time-correction', {}, 'intrusion'],
      ['path', {}, 'intrusion'],
      ['command', { severity: 'critical' }, 'service'],
    ];
    for (const [name, fields, expected] of cases)
      t.equal(outboxClassOf(name, fields), expected, `${name} ${JSON.stringify(fields)}`);
  },
);
