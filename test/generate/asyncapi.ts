import { stringify } from 'yaml';
import { z } from 'zod';
import { RECIPIENTS } from '../../agent/contract/lease-terms.ts';
import { MESSAGES, type MessageDefinition, type MessageKey } from '../../agent/contract/messages.ts';
import { commandOrder, configOrder, jwsGeneral, receiptOrder } from '../../agent/contract/orders.ts';
import { EXAMPLES } from './examples.ts';

/** `docs/reference/asyncapi.yaml`, AsyncAPI 3.0. Operations are told from the side of the box. */
export function asyncapiDocument(software: string): string {
  const keys = Object.keys(MESSAGES) as MessageKey[];
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Beffroi',
      version: software,
      description: 'What the box says to the supervision centre and what it takes from it. Generated.',
      license: { name: 'EUPL-1.2' },
    },
    defaultContentType: 'application/json',
    channels: {
      ...Object.fromEntries(keys.map((key) => [key, jsonChannel(key)])),
      media: mediaChannel(),
      leasedMedia: leasedMediaChannel(),
      desiredConfiguration: orderChannel('cfg/desired', 'configurationOrder'),
      commandRequest: orderChannel('cmd/request', 'commandOrder'),
      receipt: orderChannel('ack/receipt', 'receiptOrder'),
      ...Object.fromEntries(eventKeys().map((key) => [`${key}Backlog`, jsonChannel(key, 'hist')])),
    },
    operations: {
      ...Object.fromEntries(
        [...keys, 'media', 'leasedMedia'].map((key) => [`send_${key}`, operation('send', key)]),
      ),
      receive_desiredConfiguration: operation('receive', 'desiredConfiguration'),
      receive_commandRequest: operation('receive', 'commandRequest'),
      receive_receipt: operation('receive', 'receipt'),
      ...Object.fromEntries(
        eventKeys().map((key) => [`send_${key}Backlog`, operation('send', `${key}Backlog`)]),
      ),
    },
    components: {
      schemas: {
        configurationOrder: jsonSchema(configOrder),
        commandOrder: jsonSchema(commandOrder),
        receiptOrder: jsonSchema(receiptOrder),
      },
    },
  };
  return stringify(document, { lineWidth: 110, aliasDuplicateObjects: false });
}

function jsonSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    reused: 'inline',
  });
  return rest;
}

function siteParameter(): object {
  return { site: { description: 'INSEE code of the commune and label of the box, such as 57463-mairie' } };
}

function eventKeys(): MessageKey[] {
  return (Object.keys(MESSAGES) as MessageKey[]).filter((key) => MESSAGES[key].class === 'event');
}

/** @param topicClass where another one than its own is meant: the backlog of events */
function jsonChannel(key: MessageKey, topicClass: string = MESSAGES[key].class): object {
  const message: MessageDefinition = MESSAGES[key];
  const entity = message.entity === 'collector' ? 'collector' : `{${message.entity}}`;
  const entityParameter =
    message.entity === 'collector' ? {} : { [message.entity]: { description: `${message.entity} id` } };
  const forPartner = message.name === '<partner>';
  const partnerParameter = forPartner ? { partner: { description: 'id of the partner' } } : {};
  return {
    address: `csu/v1/{site}/${entity}/${topicClass}/${forPartner ? '{partner}' : message.name}`,
    parameters: { ...siteParameter(), ...entityParameter, ...partnerParameter },
    messages: {
      [key]: {
        summary: message.summary,
        payload: jsonSchema(message.schema),
        examples: [{ payload: EXAMPLES[key] }],
      },
    },
    bindings: { mqtt: { bindingVersion: '0.2.0' } },
  };
}

function mediaChannel(): object {
  return {
    address: 'csu/v1/{site}/{camera}/media/main',
    parameters: { ...siteParameter(), camera: { description: 'camera id' } },
    messages: { media: { summary: 'Boxes of fragmented MP4.', contentType: 'video/mp4' } },
  };
}

function leasedMediaChannel(): object {
  return {
    address: 'csu/v1/{site}/{camera}/media/{recipient}',
    parameters: {
      ...siteParameter(),
      camera: { description: 'camera id of a partner' },
      recipient: { description: 'who reads it', enum: [...RECIPIENTS] },
    },
    messages: {
      leasedMedia: {
        summary: 'Boxes of fragmented MP4, encrypted for the recipient of a lease; see mqtt.md.',
        contentType: 'application/octet-stream',
      },
    },
  };
}

function orderChannel(end: string, schema: string): object {
  return {
    address: `csu/v1/{site}/collector/${end}`,
    parameters: siteParameter(),
    messages: {
      order: {
        summary: `JWS in the General JSON form; its payload follows #/components/schemas/${schema}.`,
        payload: jsonSchema(jwsGeneral),
      },
    },
  };
}

function operation(action: 'send' | 'receive', channel: string): object {
  return { action, channel: { $ref: `#/channels/${channel}` } };
}
