import { type BoxSourceNeeds, boxPlans } from './box/box-source.ts';
import { panelPlans } from './dc09/panel-plans.ts';
import type { PanelSourceNeeds } from './dc09/panel-source.ts';
import { type ModuleSourceNeeds, modulePlans } from './modbus/module-source.ts';
import { type UpsSourceNeeds, upsPlans } from './nut/ups-source.ts';
import { brokerPlans, type ObjectSourceNeeds } from './objects/broker-source.ts';
import { cameraPlans } from './onvif/camera-plans.ts';
import type { CameraSourceNeeds } from './onvif/camera-source.ts';
import type { AlarmConfiguration } from './ports.ts';
import type { SourcePlan } from './source.ts';

export type PlanNeeds = CameraSourceNeeds &
  PanelSourceNeeds &
  ModuleSourceNeeds &
  UpsSourceNeeds &
  ObjectSourceNeeds &
  BoxSourceNeeds;

/** Every source that the configuration asks for, of all kinds. */
export function plansOf(needs: PlanNeeds, configuration: AlarmConfiguration): SourcePlan[] {
  return [
    ...cameraPlans(needs, configuration),
    ...panelPlans(needs, configuration),
    ...modulePlans(needs, configuration),
    ...upsPlans(needs, configuration),
    ...brokerPlans(needs, configuration),
    ...boxPlans(needs, configuration),
  ];
}
