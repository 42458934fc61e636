import type { Fields } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';

/** Numbers creep: they are told with a verdict that changes, and at least this often. Source: guess. */
const NUMBERS_MS = 300_000;

/** Tells the layers of one camera when a verdict changes. */
export class LayerTeller {
  readonly #reporter: Pick<Reporter, 'state' | 'clearState'>;
  #told = '';
  #toldAtMs = 0;

  constructor(reporter: Pick<Reporter, 'state' | 'clearState'>) {
    this.#reporter = reporter;
  }

  tell(fields: Fields<'layers'>, nowMs: number): void {
    const { clock_offset_ms: _offset, clock_uncertainty_ms: _uncertainty, ...news } = fields;
    const text = JSON.stringify(news);
    if (text === this.#told && nowMs - this.#toldAtMs < NUMBERS_MS) return;
    this.#told = text;
    this.#toldAtMs = nowMs;
    this.#reporter.state('layers', fields.camera, fields);
  }

  /** Nothing is looked at any more. */
  clear(camera: string): void {
    if (this.#told !== '') this.#reporter.clearState('layers', camera);
    this.#told = '';
  }
}
