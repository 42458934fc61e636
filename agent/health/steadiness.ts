/** Calls that are looked back at, and how many of them make a camera unsteady or steady again. Source: guess. */
const CALLS = 12;
const UNSTEADY = 3;
const STEADY = 1;

/** Whether a camera fails now and then. One that fails twice in a row is at fault otherwise, and begins anew after it. */
export class Steadiness {
  #failed: boolean[] = [];
  #unsteady = false;

  get unsteady(): boolean {
    return this.#unsteady;
  }

  worked(): void {
    this.#take(false);
  }

  failed(): void {
    if (this.#failed.at(-1)) {
      this.#failed = [true];
      this.#unsteady = false;
    } else this.#take(true);
  }

  #take(failed: boolean): void {
    this.#failed = [...this.#failed, failed].slice(-CALLS);
    const failures = this.#failed.filter(Boolean).length;
    if (failures >= UNSTEADY) this.#unsteady = true;
    else if (failures <= STEADY) this.#unsteady = false;
  }
}
