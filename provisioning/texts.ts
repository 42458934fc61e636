import type { Code } from '../agent/base/codes.ts';
import { causeText } from '../agent/cli/causes.ts';
import type { Language } from '../agent/cli/language.ts';
import { VIEWING_ENGLISH, VIEWING_FRENCH } from './viewing/texts.ts';

const FRENCH = {
  help: `beffroi-csu : les gestes du technicien du CSU

  beffroi-csu init --folder DOSSIER --broker-host NOM… [--broker-port 8883]
                   [--broker-folder DOSSIER] [--broker-data DOSSIER]
      crée le dossier du CSU : autorités de certification, clés, configuration du courtier MQTT
  beffroi-csu box add --folder DOSSIER --site SITE --broker mqtts://HÔTE:PORT… --out DOSSIER
                   [--backup-broker mqtts://HÔTE:PORT…]
                   [--clock chrony|timesyncd|host] [--state DOSSIER] [--runtime DOSSIER] [--plain-loopback]
      enrôle un collecteur : le dossier produit devient /etc/beffroi sur lui
  beffroi-csu config sign --folder DOSSIER --site SITE --in FICHIER|- --out FICHIER
                   [--version N] [--valid-days 365] [--consent DÉCLARATION]…
      contrôle la configuration, scelle les mots de passe pour ce collecteur, signe
  beffroi-csu config push --folder DOSSIER --site SITE --in FICHIER --broker URL [--wait-s 60]
      publie la configuration signée et attend la réponse du collecteur
  beffroi-csu receive --folder DOSSIER --broker URL… --database FICHIER [--keep-days 400] [--max-mb 8192]
                   [--only alarm…] [--after N] [--end-with-reader]
      reçoit les événements des collecteurs, les enregistre, signe les reçus, et écrit une ligne JSON par événement
      sur la sortie standard : number, received, site, class, name, topic, message. --after N reprend après la
      ligne N ; --end-with-reader termine (code 1) quand plus personne ne lit
  beffroi-csu order send --folder DOSSIER --site SITE --broker URL --command ORDRE … [--valid-s 60] [--wait-s 90]
      envoie un ordre signé et suit son déroulement ; les ordres, et ce que chacun demande :
        agent.ping
        camera.check, stream.restart, picture.confirm, picture.reset   --camera cam-…
        health.confirm                 --camera cam-… --by QUI [--why POURQUOI]
        alarm.acknowledge              --alarm ID --by QUI [--why POURQUOI]
        alarm.close                    --alarm ID --by QUI --why POURQUOI
        alarm.shelve                   --point pt-… --until 2026-12-24T18:30 --by QUI --why POURQUOI
        alarm.unshelve                 --point pt-… --by QUI [--why POURQUOI]
        maintenance.announce           --points pt-…,pt-… et/ou --cameras cam-…,cam-… et/ou --box (le collecteur et
                                       tout ce qu'il surveille) --start 2026-12-24T08:00 --end 2026-12-24T12:00
                                       --by QUI --why POURQUOI
        maintenance.cancel             --window ID --by QUI --why POURQUOI
        mission.announce               --cameras cam-…,cam-… --priority 9 --start 2026-12-24T08:00
                                       --end 2026-12-24T12:00 --by QUI --why POURQUOI
        mission.cancel                 --mission ID --by QUI --why POURQUOI
        report.publish                 --from 2026-10-01 --to 2026-10-31   (jours compris)
        inventory.run                  (compare la configuration et le réseau, maintenant)
  beffroi-csu watch --folder DOSSIER --site SITE|+ --broker URL [--json]
      affiche ce que disent les collecteurs ; Ctrl-C termine
${VIEWING_FRENCH.help}
  --lang fr|en   langue des textes        --help   cette aide
  Code de sortie : 0 réussi, 1 refusé, échoué ou impossible, 2 ligne de commande incorrecte.
`,
  by: (who: string) => ` par ${who}`,
  /** What a cause means. */
  means: (cause: Code) => causeText(cause, 'fr').means,
  csuCreated: (folder: string) =>
    `Dossier du CSU créé : ${folder}\nGardez keys/ et pki/root.key.pem hors ligne autant que possible ; broker/ est pour le courtier MQTT.`,
  boxAdded: (site: string, out: string) =>
    `Collecteur ${site} enrôlé. Portez ${out} sur le collecteur (/etc/beffroi), puis effacez cette copie : elle contient ses clés privées.`,
  signed: (version: number, out: string) => `Configuration ${version} signée : ${out}`,
  published: (version: number) => `Configuration ${version} : envoi, attente de la réponse du collecteur…`,
  sent: (id: string) => `Ordre ${id} : envoi…`,
  viewing: VIEWING_FRENCH,
  link: 'liaison',
  box: 'collecteur',
  configuration: 'configuration',
  command: 'ordre',
  orders: { command: 'commande', configuration: 'configuration', receipt: 'reçu' },
  refused: 'ordre refusé',
  fault: 'défaut',
  pathChange: 'CHEMIN',
  paths: { main: 'principal', backup: 'secours', none: 'aucun' },
  pathStates: { up: 'établi', lost: 'rompu', none: 'sans' },
  inUse: 'en service',
  correction: 'heures corrigées',
  loss: 'ÉVÉNEMENTS PERDUS',
  lossReasons: {
    space: 'faute de place',
    age: 'trop anciens',
    'too-large': 'trop grands pour le broker',
    damaged: 'abîmés sur le disque',
    unwritten: 'jamais écrits, le disque refusait',
  },
  classes: {
    'life-safety': 'sécurité des personnes',
    intrusion: 'intrusion',
    technical: 'technique',
    service: 'service',
  },
  backlog: 'arriéré',
  alarm: 'ALARME',
  activity: 'hors surveillance',
  effects: { maintenance: 'fenêtre de maintenance', mission: 'mission' },
  register: 'registre',
  media: 'images',
  words: {
    online: 'en ligne',
    offline: 'hors ligne',
    ok: 'en service',
    degraded: 'dégradé',
    down: 'HORS SERVICE',
    unknown: 'inconnu',
    maintenance: 'en maintenance',
    disabled: 'désactivé',
    none: 'aucune',
    received: 'reçue',
    applying: 'en cours',
    applied: 'appliquée',
    failed: 'ÉCHEC',
    refused: 'REFUSÉE',
    accepted: 'accepté',
    executing: 'en cours',
    successful: 'réussi',
    rejected: 'REFUSÉ',
    raised: 'EN ALARME',
    acknowledged: 'acquittée',
    shelved: 'mise de côté',
    unshelved: 'reprise',
    cleared: 'au repos',
    closed: 'close',
    chattering: 'INSTABLE',
    steady: 'de nouveau stable',
    updated: 'autre cause',
    announced: 'annoncée',
    begun: 'début',
    ended: 'fin',
    cancelled: 'annulée',
    info: 'information',
    warning: 'avertissement',
    major: 'majeure',
    critical: 'critique',
  },
};

export type Texts = typeof FRENCH;

const ENGLISH: Texts = {
  help: `beffroi-csu: what the technician of the CSU does

  beffroi-csu init --folder FOLDER --broker-host NAME… [--broker-port 8883]
                   [--broker-folder FOLDER] [--broker-data FOLDER]
      makes the folder of the CSU: certification authorities, keys, configuration of the broker
  beffroi-csu box add --folder FOLDER --site SITE --broker mqtts://HOST:PORT… --out FOLDER
                   [--backup-broker mqtts://HOST:PORT…]
                   [--clock chrony|timesyncd|host] [--state FOLDER] [--runtime FOLDER] [--plain-loopback]
      enrols a box: the folder becomes /etc/beffroi on the box
  beffroi-csu config sign --folder FOLDER --site SITE --in FILE|- --out FILE
                   [--version N] [--valid-days 365] [--consent STATEMENT]…
      checks the configuration, seals the passwords to this box, signs
  beffroi-csu config push --folder FOLDER --site SITE --in FILE --broker URL [--wait-s 60]
      publishes the signed configuration and waits for the answer of the box
  beffroi-csu receive --folder FOLDER --broker URL… --database FILE [--keep-days 400] [--max-mb 8192]
                   [--only alarm…] [--after N] [--end-with-reader]
      receives the events of the boxes, stores them, signs receipts, and writes one JSON line per event on standard
      output: number, received, site, class, name, topic, message. --after N goes on after line N;
      --end-with-reader ends (code 1) when nobody reads any more
  beffroi-csu order send --folder FOLDER --site SITE --broker URL --command ORDER … [--valid-s 60] [--wait-s 90]
      sends a signed order and follows it to its end; the orders, and what each asks for:
        agent.ping
        camera.check, stream.restart, picture.confirm, picture.reset   --camera cam-…
        health.confirm                 --camera cam-… --by WHO [--why REASON]
        alarm.acknowledge              --alarm ID --by WHO [--why REASON]
        alarm.close                    --alarm ID --by WHO --why REASON
        alarm.shelve                   --point pt-… --until 2026-12-24T18:30 --by WHO --why REASON
        alarm.unshelve                 --point pt-… --by WHO [--why REASON]
        maintenance.announce           --points pt-…,pt-… and/or --cameras cam-…,cam-… and/or --box (the box and all
                                       that it watches) --start 2026-12-24T08:00 --end 2026-12-24T12:00
                                       --by WHO --why REASON
        maintenance.cancel             --window ID --by WHO --why REASON
        mission.announce               --cameras cam-…,cam-… --priority 9 --start 2026-12-24T08:00
                                       --end 2026-12-24T12:00 --by WHO --why REASON
        mission.cancel                 --mission ID --by WHO --why REASON
        report.publish                 --from 2026-10-01 --to 2026-10-31   (both days included)
        inventory.run                  (holds the configuration against the network, now)
  beffroi-csu watch --folder FOLDER --site SITE|+ --broker URL [--json]
      shows what the boxes say; Ctrl-C ends it
${VIEWING_ENGLISH.help}
  --lang fr|en   language of the texts        --help   this help
  Exit code: 0 done, 1 refused, failed or impossible, 2 wrong command line.
`,
  by: (who) => ` by ${who}`,
  means: (cause) => causeText(cause, 'en').means,
  csuCreated: (folder) =>
    `Folder of the CSU made: ${folder}\nKeep keys/ and pki/root.key.pem offline where you can; broker/ is for the broker.`,
  boxAdded: (site, out) =>
    `Box ${site} enrolled. Carry ${out} to the box (/etc/beffroi), then erase this copy: it holds its private keys.`,
  signed: (version, out) => `Configuration ${version} signed: ${out}`,
  published: (version) => `Configuration ${version}: sent, waiting for the answer of the box…`,
  sent: (id) => `Order ${id}: sent…`,
  viewing: VIEWING_ENGLISH,
  link: 'link',
  box: 'box',
  configuration: 'configuration',
  command: 'order',
  orders: { command: 'command', configuration: 'configuration', receipt: 'receipt' },
  refused: 'order refused',
  fault: 'fault',
  pathChange: 'PATH',
  paths: { main: 'main', backup: 'back-up', none: 'none' },
  pathStates: { up: 'up', lost: 'lost', none: 'none' },
  inUse: 'in use',
  correction: 'times corrected',
  loss: 'EVENTS LOST',
  lossReasons: {
    space: 'no room',
    age: 'too old',
    'too-large': 'too large for the broker',
    damaged: 'damaged on the disk',
    unwritten: 'never written, the disk refused',
  },
  classes: {
    'life-safety': 'life safety',
    intrusion: 'intrusion',
    technical: 'technical',
    service: 'service',
  },
  backlog: 'backlog',
  alarm: 'ALARM',
  activity: 'not armed',
  effects: { maintenance: 'maintenance window', mission: 'mission' },
  register: 'register',
  media: 'pictures',
  words: {
    online: 'online',
    offline: 'offline',
    ok: 'ok',
    degraded: 'degraded',
    down: 'DOWN',
    unknown: 'unknown',
    maintenance: 'maintenance',
    disabled: 'disabled',
    none: 'none',
    received: 'received',
    applying: 'applying',
    applied: 'applied',
    failed: 'FAILED',
    refused: 'REFUSED',
    accepted: 'accepted',
    executing: 'executing',
    successful: 'successful',
    rejected: 'REJECTED',
    raised: 'RAISED',
    acknowledged: 'acknowledged',
    shelved: 'shelved',
    unshelved: 'unshelved',
    cleared: 'cleared',
    closed: 'closed',
    chattering: 'CHATTERING',
    steady: 'steady again',
    updated: 'other cause',
    announced: 'announced',
    begun: 'begun',
    ended: 'ended',
    cancelled: 'cancelled',
    info: 'info',
    warning: 'warning',
    major: 'major',
    critical: 'critical',
  },
};

export function textsOf(language: Language): Texts {
  return language === 'en' ? ENGLISH : FRENCH;
}
