import type { SubscriptionMemory } from '../../agent/camera/onvif/pull-point.ts';

/** A memory of a subscription that ends with the test. */
export function subscriptionMemory(): SubscriptionMemory {
  let kept: string | undefined;
  return {
    load: () => kept,
    save: (subscription) => {
      kept = subscription;
    },
    clear: () => {
      kept = undefined;
    },
  };
}
