import type { ActivityEvent, AlarmEvent } from '../contract/messages.ts';
import type { StoryLine } from '../store/read-stories.ts';
import type { Language } from './language.ts';

type Kind = AlarmEvent['kind'];
type Transition = AlarmEvent['transition'] | ActivityEvent['transition'];

interface Words {
  readonly running: string;
  readonly away: string;
  readonly memoryOnly: string;
  readonly current: (current: number, points: number) => string;
  readonly none: string;
  readonly flood: (since: string, count: number, kinds: string) => string;
  readonly alarm: string;
  readonly number: string;
  readonly by: string;
  readonly key: string;
  readonly until: string;
  readonly since: string;
  readonly sourceTime: string;
  readonly untrusted: string;
  readonly earlier: string;
  readonly noStory: string;
  readonly chattering: string;
  readonly lastKnown: string;
  readonly armed: readonly [string, string];
  readonly changes: (count: number) => string;
  readonly head: readonly string[];
  readonly transitions: Readonly<Record<Transition, string>>;
  readonly fates: Readonly<Record<StoryLine['fate'], string>>;
  readonly kinds: Readonly<Record<Kind, string>>;
}

export const ALARM_WORDS: Readonly<Record<Language, Words>> = {
  fr: {
    running: 'agent en marche',
    away: "l'agent ne tourne pas : dernier état connu",
    memoryOnly: 'DISQUE INDISPONIBLE : ce qui suit date de la dernière écriture ; voir beffroi status',
    current: (current, points) => `${plural(current, 'alarme')} en cours, ${plural(points, 'point')}`,
    none: 'aucune alarme en cours',
    flood: (since, count, kinds) => `AVALANCHE depuis ${since} : ${count} événements (${kinds})`,
    alarm: 'Alarme',
    number: 'n°',
    by: 'par',
    key: 'clé',
    until: "jusqu'au",
    since: 'depuis',
    sourceTime: 'heure de la source',
    untrusted: 'heure non fiable',
    earlier: 'les événements plus anciens ne sont plus gardés',
    noStory: 'aucun événement gardé',
    chattering: 'battements',
    lastKnown: 'dernier état connu, au',
    armed: ['hors surveillance', 'sous surveillance'],
    changes: (count) => `${count} changements`,
    head: ['Heure', 'Événement', 'Qui', 'Centre'],
    transitions: {
      raised: 'levée',
      acknowledged: 'acquittée',
      shelved: 'mise de côté',
      unshelved: 'reprise',
      cleared: 'retour au repos',
      closed: 'close',
      chattering: 'bat',
      steady: 'ne bat plus',
      updated: 'autre cause',
      begun: 'vue hors surveillance',
      ended: 'finie hors surveillance',
    },
    fates: {
      waits: 'en attente',
      sent: 'envoyé, reçu attendu',
      receipt: 'reçu signé',
      broker: 'pris par le courtier',
      lost: 'PERDU',
    },
    kinds: {
      'digital-input': 'entrée de caméra',
      tampering: 'sabotage de caméra',
      'signal-loss': 'signal vidéo perdu',
      'hardware-failure': 'panne matérielle de caméra',
      'login-failure': 'connexion refusée par la caméra',
      'configuration-changed': 'réglage de caméra changé',
      'panel-zone': "centrale d'alarme",
      'panel-silence': 'centrale muette',
      'module-input': "entrée de module d'E/S",
      'ups-mains': 'onduleur : secteur',
      'ups-battery': 'onduleur : batterie',
      'ups-battery-replace': 'onduleur : batterie à remplacer',
      'ups-communication': 'onduleur : liaison',
      'source-failure': "source d'alarmes en panne",
      'object-above': 'objet connecté : valeur haute',
      'object-below': 'objet connecté : valeur basse',
      'object-equal': 'objet connecté : valeur',
      'object-silence': 'objet connecté muet',
      'camera-health': 'santé de caméra',
      'camera-network': 'réseau des caméras',
      'box-disk': 'collecteur : disque',
      'box-temperature': 'collecteur : température',
      'box-clock': 'collecteur : horloge',
      'box-certificate': 'collecteur : certificat',
      'box-outbox': "collecteur : file d'attente",
      'box-store': 'collecteur : base de données',
      'box-link': 'collecteur : lien avec le centre',
      'box-video': 'collecteur : vidéo',
      'box-backbone': 'collecteur : dorsale',
      'box-disk-wear': 'collecteur : usure du disque',
      'box-unknown-device': 'appareil inconnu sur le réseau',
      'camera-moved': 'caméra déplacée',
    },
  },
  en: {
    running: 'agent running',
    away: 'no agent runs: last known state',
    memoryOnly: 'DISK UNAVAILABLE: what follows is as old as the last write; see beffroi status',
    current: (current, points) => `${plural(current, 'current alarm')}, ${plural(points, 'point')}`,
    none: 'no current alarm',
    flood: (since, count, kinds) => `FLOOD since ${since}: ${count} events (${kinds})`,
    alarm: 'Alarm',
    number: 'no.',
    by: 'by',
    key: 'key',
    until: 'until',
    since: 'since',
    sourceTime: 'time of the source',
    untrusted: 'time not to be trusted',
    earlier: 'earlier events are no longer kept',
    noStory: 'no event is kept',
    chattering: 'chattering',
    lastKnown: 'last known, as of',
    armed: ['not armed', 'armed'],
    changes: (count) => `${count} changes`,
    head: ['Time', 'Event', 'Who', 'Centre'],
    transitions: {
      raised: 'raised',
      acknowledged: 'acknowledged',
      shelved: 'shelved',
      unshelved: 'unshelved',
      cleared: 'cleared',
      closed: 'closed',
      chattering: 'chattering',
      steady: 'steady again',
      updated: 'other cause',
      begun: 'seen, not armed',
      ended: 'over, not armed',
    },
    fates: {
      waits: 'waiting',
      sent: 'sent, receipt awaited',
      receipt: 'signed receipt',
      broker: 'taken by the broker',
      lost: 'LOST',
    },
    kinds: {
      'digital-input': 'camera input',
      tampering: 'camera tampering',
      'signal-loss': 'video signal lost',
      'hardware-failure': 'camera hardware failure',
      'login-failure': 'login refused by the camera',
      'configuration-changed': 'camera settings changed',
      'panel-zone': 'alarm panel',
      'panel-silence': 'silent panel',
      'module-input': 'input module',
      'ups-mains': 'UPS: mains',
      'ups-battery': 'UPS: battery',
      'ups-battery-replace': 'UPS: battery to be replaced',
      'ups-communication': 'UPS: communication',
      'source-failure': 'alarm source failed',
      'object-above': 'connected object: high value',
      'object-below': 'connected object: low value',
      'object-equal': 'connected object: value',
      'object-silence': 'silent connected object',
      'camera-health': 'camera health',
      'camera-network': 'camera network',
      'box-disk': 'box: disk',
      'box-temperature': 'box: temperature',
      'box-clock': 'box: clock',
      'box-certificate': 'box: certificate',
      'box-outbox': 'box: outbox',
      'box-store': 'box: database',
      'box-link': 'box: link to the centre',
      'box-video': 'box: video',
      'box-backbone': 'box: backbone',
      'box-disk-wear': 'box: wear of the disk',
      'box-unknown-device': 'unknown device on the network',
      'camera-moved': 'camera moved',
    },
  },
};

function plural(count: number, word: string): string {
  return `${count} ${word}${count > 1 ? 's' : ''}`;
}
