import t from 'tap';
import type { Side } from '../../agent/contract/messages.ts';
import { lineFields, siteFieldsOf } from '../../agent/reports/messages.ts';
import type { Report, ReportLine } from '../../agent/reports/report.ts';

const LINE: ReportLine = {
  ...{ kind: 'box', facts: { id: 'collector', name: 'Mairie' }, subject: 'collector', countedMs: 86_400_000 },
  ...{ availableMs: 80_000_000, degradedMs: 1_000, downMs: 2_000, unknownMs: 3_000, plannedMs: 4_000 },
  ...{ disabledMs: 5_000, provenPercent: 92.599, knownPercent: 99.999, downMsBySide: new Map() },
  ...{ incidents: [], detectMs: 4_100, repairMs: 60_000, clockOffMs: 12.6, breaches: 2, breachMs: 6_000 },
};

const REPORT: Report = {
  ...{ site: '57463-mairie', period: { from: '2026-10-01', to: '2026-10-02' }, complete: true },
  ...{ stretch: { fromMs: 0, untilMs: 1 }, knownMs: 1, lines: [LINE], planned: [] },
  days: [2, 5].map((connected, n) => ({
    ...{ day: `2026-10-0${n + 1}`, configured: 6, connected, hash: `h${n}`, cameras: [] },
  })),
  places: [{ id: 'cam-a', name: 'Quai' }],
  targets: {
    ...{ cameraAvailabilityPercent: 99.5, boxAvailabilityPercent: 99.9, detectS: 60, repairH: 48 },
    clockOffsetMs: 2000,
  },
};

t.test('report: each figure of a line is told, and none is rounded up to what it is not', async (t) => {
  t.match(lineFields(REPORT, LINE), {
    ...{ counted_s: 86_400, available_s: 80_000, degraded_s: 1, down_s: 2, unknown_s: 3, planned_s: 4 },
    ...{ disabled_s: 5, proven_percent: 92.59, known_percent: 99.99, detect_s: 4.1, repair_s: 60 },
    ...{ clock_off_ms: 13, breaches: 2, breach_s: 6 },
  });
});

t.test('report: the time down of each side is told as that of this side', async (t) => {
  const sides = ['camera', 'local-network', 'box', 'backbone', 'centre', 'partner', 'unknown'] as const;
  for (const side of sides satisfies readonly Side[]) {
    const fields = lineFields(REPORT, { ...LINE, downMsBySide: new Map([[side, 7_000]]) });
    const told = Object.entries(fields).filter(([key, value]) => /^down_\w+_s$/.test(key) && value !== 0);
    t.same(told, [[`down_${side.replace('-', '_')}_s`, 7]], side);
  }
});

t.test('report: connected cameras and agreed targets stand beside the figures of the box', async (t) => {
  t.match(siteFieldsOf(REPORT), {
    ...{ connected_min: 2, connected_max: 5, configured_max: 6, connected_days: '2 5', places: 1 },
    ...{ target_camera_percent: 99.5, target_box_percent: 99.9, target_detect_s: 60, target_repair_h: 48 },
    ...{ target_clock_off_ms: 2000, connected_hash: /^[0-9a-f]{64}$/ },
  });
  const none = siteFieldsOf({ ...REPORT, targets: {} });
  t.notOk(
    Object.keys(none ?? {}).some((key) => key.startsWith('target_')),
    'what is not agreed is not told',
  );
});
