import type { ChannelAction, ClosedBy } from '../../agent/contract/viewing.ts';
import type { MissedLines } from './line-count.ts';

interface ViewingTexts {
  readonly help: string;
  readonly made: (folder: string, fingerprint: string) => string;
  readonly letIn: (id: string, fingerprint: string, out: string) => string;
  readonly carryKeyring: string;
  readonly accepted: string;
  readonly agreed: (out: string) => string;
  readonly consent: { readonly bounds: string; readonly camera: string; readonly release: string };
  readonly unreadable: (why: string) => string;
  readonly needsLeased: (camera: string) => string;
  readonly until: string;
  readonly pictures: string;
  readonly signed: string;
  readonly unsigned: string;
  readonly missed: (lines: MissedLines) => string;
  readonly actions: Readonly<Record<ChannelAction, string>>;
  readonly closedBy: Readonly<Record<ClosedBy, string>>;
}

export const VIEWING_FRENCH: ViewingTexts = {
  help: `
  Visualisation à la demande, bail d'un partenaire :
  beffroi-csu view open --folder DOSSIER --site SITE --broker URL --camera cam-… --operator QUI --for POUR-QUI
                   --reason POURQUOI --minutes N
  beffroi-csu view extend … --view ID --operator QUI --reason POURQUOI --minutes N      (N minutes à partir de maintenant)
  beffroi-csu view close … --view ID --operator QUI
  beffroi-csu view --folder DOSSIER --site SITE --broker URL --camera cam-… [--leased] [--player "ffplay -"]   (--leased : caméra d'un partenaire)
      écrit les images (MP4) sur la sortie standard ou dans un lecteur ; celles d'un bail sont déchiffrées
  beffroi-csu lease open --folder DOSSIER-DU-PARTENAIRE --site SITE --broker URL --camera cam-…
                   [--recipient csu|dipn] --operator QUI --granted-by QUI --minutes N [--called 2026-12-24T18:30]
                   --reason safety|damage|common-areas|trafficking|intervention
  beffroi-csu lease close --folder DOSSIER … --camera cam-… --lease ID --operator QUI   (partenaire ou CSU)
  beffroi-csu lease followup --folder DOSSIER-DU-CSU … --camera cam-… --lease ID --operator QUI --done SUITE
  beffroi-csu partner init --folder DOSSIER --id emh --name NOM       chez le partenaire : ses clés, sa demande
  beffroi-csu partner add --folder DOSSIER-DU-CSU --in request.json --site SITE… --out FICHIER
  beffroi-csu partner accept --folder DOSSIER --in FICHIER
  beffroi-csu partner consent --folder DOSSIER --site SITE --in CONFIGURATION --out FICHIER [--release cam-…]…
      signe ce que le partenaire accepte de la configuration : conditions, places de ses caméras, caméras cédées
  beffroi-csu partner watch --folder DOSSIER --broker URL [--json]    son registre de consignation
  beffroi-csu recipient init --folder DOSSIER --id dipn | recipient add … | recipient accept …
`,
  made: (folder, fingerprint) =>
    `Dossier créé : ${folder}\nEmpreinte de la clé : ${fingerprint}\nPortez request.json au CSU et lisez-lui l'empreinte au téléphone. keys/ ne quitte jamais ce poste.`,
  letIn: (id, fingerprint, out) =>
    `${id} est admis. Empreinte de sa clé, à comparer au téléphone : ${fingerprint}\nPortez-lui ${out}. Copiez broker/acl sur le courtier et rechargez-le.`,
  carryKeyring:
    'Le trousseau a changé : portez keyring.jws sur les collecteurs concernés (/etc/beffroi) et redémarrez-les.',
  accepted: 'Réponse du CSU enregistrée. Empreintes des destinataires, à comparer au téléphone :',
  agreed: (out) => `Déclaration signée : ${out}. Portez-la au CSU : config sign … --consent ${out}`,
  consent: { bounds: 'conditions', camera: 'caméra', release: "n'est plus au partenaire" },
  unreadable: (why) => `images illisibles : ${why}`,
  needsLeased: (camera) =>
    `${camera} est la caméra d'un partenaire : rien ne vient en clair. Ajoutez --leased pour voir les images d'un bail.`,
  until: "jusqu'à",
  pictures: 'images',
  signed: 'signé par le collecteur',
  unsigned: 'SIGNATURE NON VÉRIFIÉE',
  missed: ({ site, from, to }) =>
    `${site} : LIGNES NON REÇUES du registre du partenaire, ${from} à ${to} ; demandez-les au CSU, ou elles suivent`,
  actions: {
    'view.opened': 'visualisation ouverte',
    'view.extended': 'visualisation prolongée',
    'view.closed': 'visualisation fermée',
    'view.refused': 'VISUALISATION REFUSÉE',
    'lease.opened': 'bail ouvert',
    'lease.closed': 'bail fermé',
    'lease.refused': 'BAIL REFUSÉ',
    'lease.followup': 'suite donnée',
  },
  closedBy: {
    order: 'sur ordre',
    end: 'à son terme',
    followup: "fin de l'intervention",
    'control-link': 'liaison avec le centre perdue',
    clock: 'horloge non fiable',
    convention: 'convention, agrément ou clé arrivés à leur terme',
    hours: 'fin de la plage horaire',
    configuration: 'nouvelle configuration',
    agent: 'agent arrêté ou redémarré',
    video: 'traitement vidéo arrêté ou redémarré',
  },
};

export const VIEWING_ENGLISH: ViewingTexts = {
  help: `
  Views on demand, leases of partners:
  beffroi-csu view open --folder FOLDER --site SITE --broker URL --camera cam-… --operator WHO --for FOR-WHOM
                   --reason WHY --minutes N
  beffroi-csu view extend … --view ID --operator WHO --reason WHY --minutes N      (N minutes from now)
  beffroi-csu view close … --view ID --operator WHO
  beffroi-csu view --folder FOLDER --site SITE --broker URL --camera cam-… [--leased] [--player "ffplay -"]   (--leased: a partner's camera)
      writes the pictures (MP4) to standard output or into a player; those of a lease are decrypted
  beffroi-csu lease open --folder FOLDER-OF-THE-PARTNER --site SITE --broker URL --camera cam-…
                   [--recipient csu|dipn] --operator WHO --granted-by WHO --minutes N [--called 2026-12-24T18:30]
                   --reason safety|damage|common-areas|trafficking|intervention
  beffroi-csu lease close --folder FOLDER … --camera cam-… --lease ID --operator WHO   (partner or CSU)
  beffroi-csu lease followup --folder FOLDER-OF-THE-CSU … --camera cam-… --lease ID --operator WHO --done WHAT
  beffroi-csu partner init --folder FOLDER --id emh --name NAME       at the partner: its keys, its request
  beffroi-csu partner add --folder FOLDER-OF-THE-CSU --in request.json --site SITE… --out FILE
  beffroi-csu partner accept --folder FOLDER --in FILE
  beffroi-csu partner consent --folder FOLDER --site SITE --in CONFIGURATION --out FILE [--release cam-…]…
      signs what the partner agrees to of a configuration: terms, places of its cameras, cameras given away
  beffroi-csu partner watch --folder FOLDER --broker URL [--json]     its register
  beffroi-csu recipient init --folder FOLDER --id dipn | recipient add … | recipient accept …
`,
  made: (folder, fingerprint) =>
    `Folder made: ${folder}\nFingerprint of the key: ${fingerprint}\nCarry request.json to the CSU and read it the fingerprint by telephone. keys/ never leaves this machine.`,
  letIn: (id, fingerprint, out) =>
    `${id} is in. Fingerprint of its key, to be compared by telephone: ${fingerprint}\nCarry ${out} to it. Copy broker/acl to the broker and reload it.`,
  carryKeyring: 'The keyring has changed: carry keyring.jws to the boxes (/etc/beffroi) and restart them.',
  accepted: 'The answer of the CSU is kept. Fingerprints of the recipients, to be compared by telephone:',
  agreed: (out) => `Statement signed: ${out}. Carry it to the CSU: config sign … --consent ${out}`,
  consent: { bounds: 'terms', camera: 'camera', release: 'is not the partner’s any more' },
  unreadable: (why) => `unreadable pictures: ${why}`,
  needsLeased: (camera) =>
    `${camera} is a partner's camera: nothing comes in clear. Add --leased to see the pictures of a lease.`,
  until: 'until',
  pictures: 'pictures',
  signed: 'signed by the box',
  unsigned: 'SIGNATURE NOT VERIFIED',
  missed: ({ site, from, to }) =>
    `${site}: LINES NOT RECEIVED of the partner's register, ${from} to ${to}; ask the CSU for them, or they follow`,
  actions: {
    'view.opened': 'view opened',
    'view.extended': 'view extended',
    'view.closed': 'view closed',
    'view.refused': 'VIEW REFUSED',
    'lease.opened': 'lease opened',
    'lease.closed': 'lease closed',
    'lease.refused': 'LEASE REFUSED',
    'lease.followup': 'follow-up',
  },
  closedBy: {
    order: 'by order',
    end: 'at its end',
    followup: 'end of the intervention',
    'control-link': 'link to the centre lost',
    clock: 'clock not to be believed',
    convention: 'convention, approval or key has ended',
    hours: 'end of the allowed hours',
    configuration: 'new configuration',
    agent: 'agent stopped or restarted',
    video: 'video process stopped or restarted',
  },
};
