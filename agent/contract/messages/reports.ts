import { z } from 'zod';
import { availabilityFields, siteFields } from '../availability.ts';
import { envelope } from '../envelope.ts';
import { eventId } from './ids.ts';

export const availabilityReport = z.strictObject({ ...envelope, id: eventId, ...availabilityFields });
export const siteReport = availabilityReport.extend(siteFields);
