import { VIDEO_SOURCE_TOKEN } from './onvif-device.ts';
import type { OnvifCounters, OnvifOptions } from './onvif-options.ts';
import { type Property, PullPoints } from './pull-points.ts';
import {
  child,
  invalidArgument,
  namespaceOf,
  type SoapFault,
  type SoapRequest,
  text,
  type XmlNode,
} from './soap.ts';
import { dateTime, durationMs, fromNowMs } from './xml-time.ts';

const DEFAULT_LIFETIME_MS = 60_000;
const MAX_LIFETIME_MS = 3_600_000;
const MAX_PULL_MS = 600_000;
const MAX_MESSAGES = 1024;
const PARAMETER_NAMESPACE = 'http://www.axis.com/2009/event';

export interface EventsNeeds {
  readonly options: OnvifOptions;
  readonly counters: OnvifCounters;
  readonly wallMs: () => number;
}

export interface EventRequest {
  readonly soap: SoapRequest;
  /** `host:port` for the addresses in the answer. */
  readonly host: string;
  /** Path of the request, without query. */
  readonly path: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

const PORTS: Readonly<Record<string, string>> = {
  'tev:CreatePullPointSubscription': `${namespaceOf('tev')}/EventPortType`,
  'tev:GetEventProperties': `${namespaceOf('tev')}/EventPortType`,
  'tev:PullMessages': `${namespaceOf('tev')}/PullPointSubscription`,
  'tev:SetSynchronizationPoint': `${namespaceOf('tev')}/PullPointSubscription`,
  'wsnt:Renew': 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager',
  'wsnt:Unsubscribe': 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager',
};

/** The WS-Addressing action of an answer, for operations that have one. @see ONVIF event.wsdl */
export function answerAction(operation: string): string | undefined {
  const port = PORTS[operation];
  return port === undefined ? undefined : `${port}/${operation.split(':')[1]}Response`;
}

/** The event service and its pull points. @see ONVIF Core §9 */
export class OnvifEvents {
  readonly #needs: EventsNeeds;
  readonly points: PullPoints;

  constructor(needs: EventsNeeds) {
    this.#needs = needs;
    this.points = new PullPoints(needs.wallMs);
    this.setTampering(false);
  }

  setInput(token: string, active: boolean): void {
    this.points.set({
      topic: 'tns1:Device/Trigger/DigitalInput',
      source: { InputToken: token },
      data: { LogicalState: String(active) },
    });
  }

  setTampering(active: boolean): void {
    this.points.set(this.#tampering(active));
  }

  /** Answers `prefix:Operation`; undefined when it is none of this service. */
  async answer(operation: string, request: EventRequest): Promise<string | SoapFault | undefined> {
    if (operation === 'tev:CreatePullPointSubscription') return this.#subscribe(request);
    if (operation === 'tev:GetEventProperties') return this.#properties();
    if (operation === 'tev:GetServiceCapabilities') return this.#capabilities();
    const act = this.#ofSubscription(operation);
    if (!act) return undefined;
    const id = this.#subscriptionOf(request);
    return id === undefined
      ? this.#fault('wsrf-r:ResourceUnknownFault', 'The subscription does not exist')
      : act(id, request);
  }

  #ofSubscription(
    operation: string,
  ): ((id: string, request: EventRequest) => Promise<string | SoapFault>) | undefined {
    const acts: Record<string, (id: string, request: EventRequest) => Promise<string | SoapFault>> = {
      'tev:PullMessages': async (id, request) => this.#pull(id, request),
      'tev:SetSynchronizationPoint': async (id) => this.#synchronize(id),
      'wsnt:Renew': async (id, request) => this.#renew(id, request.soap.body),
      'wsnt:Unsubscribe': async (id) => this.#unsubscribe(id),
    };
    return acts[operation];
  }

  #tampering(active: boolean): Property {
    if (this.#needs.options.tampering === 'scene-change') {
      return {
        topic: 'tns1:VideoSource/GlobalSceneChange/ImagingService',
        source: { Source: VIDEO_SOURCE_TOKEN },
        data: { State: String(active) },
      };
    }
    return {
      topic: 'tns1:RuleEngine/TamperDetector/Tamper',
      source: {
        VideoSourceConfigurationToken: 'source_1',
        VideoAnalyticsConfigurationToken: 'analytics_1',
        Rule: 'MyTamperDetectorRule',
      },
      data: { IsTamper: String(active) },
    };
  }

  #subscribe({ soap, host }: EventRequest): string | SoapFault {
    const { options, counters, wallMs } = this.#needs;
    if (this.points.count >= options.maxPullPoints) {
      return this.#fault('wsnt:SubscribeCreationFailedFault', 'The maximum number of pull points is reached');
    }
    const lifetimeMs = this.#lifetimeMs(text(child(soap.body, 'InitialTerminationTime')));
    if (lifetimeMs === undefined) {
      return this.#fault('wsnt:UnacceptableInitialTerminationTimeFault', 'The time is not valid or past');
    }
    const id = this.points.subscribe(text(child(child(soap.body, 'Filter'), 'TopicExpression')), lifetimeMs);
    counters.subscriptions += 1;
    return (
      `<tev:SubscriptionReference>${this.#reference(id, host)}</tev:SubscriptionReference>` +
      `<wsnt:CurrentTime>${dateTime(wallMs())}</wsnt:CurrentTime>` +
      `<wsnt:TerminationTime>${dateTime(this.points.endsAtWallMs(id))}</wsnt:TerminationTime>`
    );
  }

  #lifetimeMs(asked: string | undefined): number | undefined {
    if (asked === undefined || asked === '') return DEFAULT_LIFETIME_MS;
    const lifetimeMs = fromNowMs(asked, this.#needs.wallMs());
    return lifetimeMs === undefined || lifetimeMs <= 0 ? undefined : Math.min(lifetimeMs, MAX_LIFETIME_MS);
  }

  #reference(id: string, host: string): string {
    if (this.#needs.options.pullPointReference === 'address') {
      return `<wsa:Address>http://${host}/onvif/subscription/${id}</wsa:Address>`;
    }
    const parameter = `<SubscriptionId xmlns="${PARAMETER_NAMESPACE}">${id}</SubscriptionId>`;
    const address = `<wsa:Address>http://${host}/onvif/subscription</wsa:Address>`;
    return `${address}<wsa:ReferenceParameters>${parameter}</wsa:ReferenceParameters>`;
  }

  #subscriptionOf({ soap, path }: EventRequest): string | undefined {
    const id =
      this.#needs.options.pullPointReference === 'address'
        ? /^\/onvif\/subscription\/(\d+)$/.exec(path)?.[1]
        : text(child(soap.header, 'SubscriptionId'));
    return id !== undefined && this.points.has(id) ? id : undefined;
  }

  async #pull(id: string, { soap, signal }: EventRequest): Promise<string | SoapFault> {
    const timeoutMs = durationMs(text(child(soap.body, 'Timeout')) ?? '');
    const limit = Number(text(child(soap.body, 'MessageLimit')));
    if (timeoutMs === undefined || !Number.isInteger(limit) || limit < 1) {
      return invalidArgument('ter:InvalidArgs', 'Timeout or MessageLimit is not valid');
    }
    if (timeoutMs > MAX_PULL_MS) return PULL_LIMITS;
    if (this.points.isPulled(id)) {
      return this.#fault('wsnt:UnableToGetMessagesFault', 'Another PullMessages waits on this subscription');
    }
    this.#needs.counters.pulls += 1;
    const messages = await this.points.pull(id, Math.min(limit, MAX_MESSAGES), timeoutMs, signal);
    return (
      `<tev:CurrentTime>${dateTime(this.#needs.wallMs())}</tev:CurrentTime>` +
      `<tev:TerminationTime>${dateTime(this.points.endsAtWallMs(id))}</tev:TerminationTime>${messages.join('')}`
    );
  }

  /** Faults of WS-BaseNotification are the receiver's. @see ONVIF Core §9.9 */
  #fault(code: string, reason: string): SoapFault {
    const timestamp = `<wsrf-bf:Timestamp>${dateTime(this.#needs.wallMs())}</wsrf-bf:Timestamp>`;
    return { fault: 'Receiver', subcodes: [code], reason, detail: `<${code}>${timestamp}</${code}>` };
  }

  #synchronize(id: string): string {
    this.#needs.counters.synchronizations += 1;
    this.points.synchronize(id);
    return '';
  }

  #renew(id: string, body: XmlNode): string | SoapFault {
    const lifetimeMs = this.#lifetimeMs(text(child(body, 'TerminationTime')));
    if (lifetimeMs === undefined) {
      return this.#fault('wsnt:UnacceptableTerminationTimeFault', 'The time is not valid or past');
    }
    this.#needs.counters.renewals += 1;
    this.points.renew(id, lifetimeMs);
    return (
      `<wsnt:TerminationTime>${dateTime(this.points.endsAtWallMs(id))}</wsnt:TerminationTime>` +
      `<wsnt:CurrentTime>${dateTime(this.#needs.wallMs())}</wsnt:CurrentTime>`
    );
  }

  #unsubscribe(id: string): string {
    this.points.unsubscribe(id);
    return '';
  }

  #capabilities(): string {
    const { maxPullPoints } = this.#needs.options;
    return `<tev:Capabilities WSSubscriptionPolicySupport="false" WSPullPointSupport="true" WSPausableSubscriptionManagerInterfaceSupport="false" MaxPullPoints="${maxPullPoints}" PersistentNotificationStorage="false"/>`;
  }

  #properties(): string {
    const tampering = topicSet(this.#tampering(false));
    const input = topicSet({
      topic: 'tns1:Device/Trigger/DigitalInput',
      source: { InputToken: '' },
      data: { LogicalState: '' },
    });
    return (
      '<tev:TopicNamespaceLocation>http://www.onvif.org/onvif/ver10/topics/topicns.xml</tev:TopicNamespaceLocation>' +
      `<wsnt:FixedTopicSet>true</wsnt:FixedTopicSet><wstop:TopicSet>${input}${tampering}</wstop:TopicSet>` +
      '<wsnt:TopicExpressionDialect>http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet</wsnt:TopicExpressionDialect>' +
      '<wsnt:TopicExpressionDialect>http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete</wsnt:TopicExpressionDialect>' +
      '<tev:MessageContentFilterDialect></tev:MessageContentFilterDialect>' +
      '<tev:MessageContentSchemaLocation>http://www.onvif.org/onvif/ver10/schema/onvif.xsd</tev:MessageContentSchemaLocation>'
    );
  }
}

function topicSet(property: Property): string {
  const described = (names: Property['source'], type: string) =>
    Object.keys(names)
      .map((name) => `<tt:SimpleItemDescription Name="${name}" Type="${type}"/>`)
      .join('');
  const source = `<tt:Source>${described(property.source, 'tt:ReferenceToken')}</tt:Source>`;
  const data = `<tt:Data>${described(property.data, 'xsd:boolean')}</tt:Data>`;
  const message = `<tt:MessageDescription IsProperty="true">${source}${data}</tt:MessageDescription>`;
  const [leaf = '', ...above] = property.topic.split('/').reverse();
  const inner = `<${leaf} wstop:topic="true">${message}</${leaf}>`;
  return above.reduce((xml, name) => `<${name}>${xml}</${name}>`, inner);
}

/** @see ONVIF event.wsdl, PullMessagesFaultResponse */
const PULL_LIMITS: SoapFault = {
  fault: 'Sender',
  subcodes: ['ter:InvalidArgVal'],
  reason: 'Timeout or MessageLimit is above the limit of the device',
  detail: `<tev:PullMessagesFaultResponse><tev:MaxTimeout>PT${MAX_PULL_MS / 1000}S</tev:MaxTimeout><tev:MaxMessageLimit>${MAX_MESSAGES}</tev:MaxMessageLimit></tev:PullMessagesFaultResponse>`,
};
