import t from 'tap';
import { reportTables } from '../../agent/cli/report-csv.ts';
import { reportMarkdown } from '../../agent/cli/report-markdown.ts';
import type { Report } from '../../agent/reports/report.ts';

const FROM = Date.UTC(2026, 9, 25);

/** A report on one camera of this name. */
function reportOn(name: string): Report {
  const facts = { id: 'cam-a', name, place: name, isConfigured: true };
  const window = { id: 'w', subject: 'cam-a', fromMs: FROM, untilMs: FROM + 1000, by: name, why: name };
  return {
    ...{ site: '57463-mairie', period: { from: '2026-10-25', to: '2026-10-25' } },
    stretch: { fromMs: FROM, untilMs: FROM + 3_600_000 },
    ...{ complete: true, knownMs: FROM + 3_600_000, days: [], planned: [window], places: [facts] },
    targets: { clockOffsetMs: 2000 },
    lines: [
      {
        ...{ kind: 'camera', facts, subject: 'cam-a', countedMs: 3_600_000, availableMs: 3_600_000 },
        ...{ degradedMs: 0, downMs: 0, unknownMs: 0, plannedMs: 0, disabledMs: 0, provenPercent: 100 },
        ...{ knownPercent: 100, downMsBySide: new Map(), incidents: [], detectMs: undefined },
        ...{ repairMs: undefined, clockOffMs: 3_600_000, breaches: 0, breachMs: 0 },
      },
    ],
  };
}

t.test('report: no name becomes a formula of a spreadsheet, nor another cell or line', async (t) => {
  for (const name of [
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    ' =1',
    '\r\n=1',
    '＝1',
    '=A";"=B',
    '\u202e=1',
  ]) {
    const { lieux = '', travaux = '' } = reportTables(reportOn(name));
    for (const table of [lieux, travaux]) {
      t.equal(table.split('\r\n').length, 3, 'a head, a line and the end');
      const cells = (table.split('\r\n')[1] ?? '').split(';');
      t.notOk(
        cells.some((cell) => /^"?\s*[=+\-@＝]/.test(cell)),
        `${JSON.stringify(name)}: ${cells.join(' ; ')}`,
      );
    }
  }
});

t.test('report: no name ends a cell of the page, nor begins a tag, a link or an entity', async (t) => {
  const name = '|a <b> [c](http://d) `e` *f* _g_ ~~h~~ &lt; www.i.fr j@k.fr ![l](x)\n# m';
  const page = reportMarkdown(reportOn(name));
  const lines = page.split('\n').filter((line) => line.includes('(cam-a)'));
  t.equal(lines.length, 2);
  for (const line of lines) {
    t.notMatch(line, /(?<!\\)[<[`*~&@]|[^\\]:\/\/|www\.i/);
    t.match(line, /\\\|a \\<b\\>/);
  }
  t.notMatch(page, /^# m/m);
});

t.test('report: announced work within an incident is shown beside its length and its repair', async (t) => {
  const report = reportOn('Quai');
  const incident = {
    ...{ subject: 'cam-a', cause: 'camera-stalled', side: 'camera', via: '', noticedMs: 4_000, open: false },
    ...{ fromMs: FROM, untilMs: FROM + 3_600_000, plannedMs: 1_200_000, repairMs: 2_400_000 },
  };
  const lines = report.lines.map((line) => ({ ...line, incidents: [incident], repairMs: 2_400_000 }));
  const page = reportMarkdown({ ...report, lines });
  t.match(page, /\| 1 h 00 \| 20 min 00 \| Quai \(cam-a\) \|/);
  t.match(page, /\| Temps moyen de réparation \| 40 min 00 \|/);
  const rows = (reportTables({ ...report, lines }).incidents ?? '').split('\r\n');
  t.match(rows[0], /;detection_s;travaux_s;reparation_s$/);
  t.match(rows[1], /;3600;camera-stalled;.*;4;1200;2400$/);
});

t.test('report: an offset of an hour is told as such, beside the agreed limit', async (t) => {
  t.match(reportMarkdown(reportOn('Quai')), /\| Plus grand écart d'horloge \| 1 h 00 \| ≤ 2000 ms \|/);
});
