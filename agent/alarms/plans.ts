import { panelPlans } from './dc09/panel-plans.ts';
import type { PanelSourceNeeds } from './dc09/panel-source.ts';
import { cameraPlans } from './onvif/camera-plans.ts';
import type { CameraSourceNeeds } from './onvif/camera-source.ts';
import type { AlarmConfiguration } from './ports.ts';
import type { SourcePlan } from './source.ts';

export type PlanNeeds = CameraSourceNeeds & PanelSourceNeeds;

/** Every source that the configuration asks for, of all kinds. */
export function plansOf(needs: PlanNeeds, configuration: AlarmConfiguration): SourcePlan[] {
  return [...cameraPlans(needs, configuration), ...panelPlans(needs, configuration)];
}
