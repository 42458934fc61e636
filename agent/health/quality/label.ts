import { QUALITY_LIMITS, type QualityLabel, type QualityNumber } from '../../contract/quality.ts';

type Numbers = Readonly<Record<QualityNumber, number | undefined>>;

const GRADES = ['good', 'fair', 'poor'] as const;

/** The worst grade of all numbers, and which number it is by. What is not measured is not graded. */
export function labelOf(numbers: Numbers): {
  readonly label: Exclude<QualityLabel, 'unmeasured'>;
  readonly worst: QualityNumber | 'none';
} {
  const graded = (Object.keys(QUALITY_LIMITS) as QualityNumber[]).map(
    (name) => [name, gradeOf(name, numbers[name])] as const,
  );
  const worst = Math.max(...graded.map(([, grade]) => grade));
  const [name] = worst > 0 ? (graded.find(([, grade]) => grade === worst) ?? []) : [];
  return { label: GRADES[worst] ?? 'poor', worst: name ?? 'none' };
}

function gradeOf(name: QualityNumber, value = 0): number {
  const { good, fair } = QUALITY_LIMITS[name];
  if (value <= good) return 0;
  return value <= fair ? 1 : 2;
}
