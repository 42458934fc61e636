import type { LawRole } from '../contract/law.ts';
import type { Remark, RemarkWord, Verdict } from '../survey/judge.ts';

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  compatible: 'compatible',
  'after-changes': 'compatible après modifications',
  incompatible: "incompatible en l'état",
  undecided: 'non conclu',
};

export const WEIGHT_WORDS: Readonly<Record<Remark['weight'], string>> = {
  good: 'bon',
  note: 'à noter',
  change: 'à modifier',
  open: 'non vérifié',
  blocking: 'bloquant',
};

export const SUBJECT_WORDS: Readonly<Record<Remark['about'], string>> = {
  access: 'Accès',
  profiles: 'Profils ONVIF',
  codec: 'Codecs',
  stream: 'Flux mesuré',
  law: 'Arrêté du 3 août 2007',
  clock: 'Horloge',
  events: 'Événements',
  ptz: 'PTZ',
  masks: 'Masques',
  sound: 'Son',
  card: 'Carte mémoire',
  tls: 'TLS',
};

export const ROLE_WORDS: Readonly<Record<LawRole, string>> = {
  'narrow-fast': 'champ étroit, personnes rapides',
  narrow: 'champ étroit',
  wide: 'champ large',
  traffic: 'trafic',
};

interface Words {
  /** `%` stands for the detail. */
  readonly says: string;
  /** What to do; absent when there is nothing to do. */
  readonly todo?: string;
}

export const REMARK_WORDS: Readonly<Record<RemarkWord, Words>> = {
  unreachable: {
    says: 'Rien ne répond à cette adresse (%).',
    todo: "Vérifier l'alimentation, l'adresse et le câble, puis recommencer.",
  },
  'no-onvif': {
    says: "Pas d'ONVIF trouvé (%).",
    todo: "Activer ONVIF sur la caméra, ou donner l'adresse http://… de son service et rtsp://… de son flux. Sans ONVIF, ni horloge, ni identité, ni événements, ni masques ne sont contrôlés.",
  },
  elsewhere: { says: "Annonce aussi l'adresse %, qui n'a pas été contactée." },
  'login-none': {
    says: "La caméra demande un compte, et aucun n'a été donné.",
    todo: 'Recommencer avec un compte de niveau « User », suffisant pour la surveillance.',
  },
  'login-refused': {
    says: "La caméra refuse le compte ; rien de plus n'a été tenté.",
    todo: "Vérifier utilisateur et mot de passe, et que ce compte a le droit d'utiliser ONVIF (compte ONVIF séparé chez certains fabricants). Attendre la fin d'un éventuel verrouillage.",
  },
  'login-insecure': {
    says: "La caméra n'accepte le mot de passe qu'en clair : il n'a pas été envoyé.",
    todo: "Activer l'authentification digest ; à défaut HTTPS, avec le certificat épinglé dans la configuration.",
  },
  'login-good': { says: 'ONVIF répond et accepte la demande.' },
  'onvif-failed': {
    says: 'ONVIF répond mal (%).',
    todo: 'Mettre à jour le micrologiciel ; montrer cette étude au mainteneur.',
  },
  'profile-t': { says: 'Profils annoncés : %.' },
  'profile-s': {
    says: 'Profils annoncés : %, sans le profil T.',
    todo: "Mettre à jour le micrologiciel : la prise en charge du profil S par l'ONVIF finit le 31 mars 2027.",
  },
  'profile-none': { says: 'Aucun profil T ou S annoncé (%).' },
  'codec-good': { says: '%.' },
  'codec-none': {
    says: 'Aucun profil en H.264 ou H.265.',
    todo: 'Créer sur la caméra un profil H.264 ou H.265, ou la remplacer.',
  },
  'stream-good': { says: '' },
  'stream-none': {
    says: "Le flux s'ouvre et aucune image n'arrive.",
    todo: 'Redémarrer la caméra ; vérifier son débit et son câble.',
  },
  'stream-failed': {
    says: 'Le flux ne peut être lu (%).',
    todo: 'Voir la cause ; vérifier le port RTSP et le nombre de spectateurs permis.',
  },
  'stream-unknown': { says: "Le flux n'a pas pu être demandé." },
  'stream-lossy': {
    says: '% % des paquets sont perdus.',
    todo: 'Vérifier le réseau de la commune entre la caméra et le collecteur.',
  },
  'substream-good': { says: 'Autre flux mesuré : %.' },
  'substream-failed': {
    says: "Un autre flux n'a pas pu être mesuré (%).",
    todo: 'Voir la cause avant de transmettre ce flux (profil secondaire).',
  },
  'rtsps-good': {
    says: 'Flux chiffré (RTSPS) : protocole, fin du certificat, empreinte SHA-256 à épingler : %.',
  },
  'rtsps-old': {
    says: 'Flux chiffré (RTSPS), certificat expiré : %.',
    todo: 'Renouveler le certificat de la caméra, puis épingler le nouveau.',
  },
  'rate-below': {
    says: 'Images par seconde mesurées / déclarées : %.',
    todo: "Vérifier l'éclairage (obturation lente), le débit et la charge de la caméra : seule la cadence mesurée compte.",
  },
  'gop-long': {
    says: 'Une image clé toutes les % s.',
    todo: "Régler l'intervalle des images clés à 1 ou 2 s.",
  },
  'law-good': { says: 'Le flux mesuré convient pour tout usage : %.' },
  'law-some': {
    says: 'Le flux mesuré convient pour : %. Un champ étroit demande 704 × 576, et 12 images/s pour des personnes rapides (trottoir), 6 sinon.',
  },
  'law-none': {
    says: 'Le flux mesuré ne convient à aucun usage.',
    todo: 'Régler au moins 704 × 576 et 12 images/s (champ étroit, voie publique), ou 352 × 288 et 6 images/s (autres).',
  },
  'clock-good': { says: "Écart de % s avec l'heure de cette machine." },
  'clock-off': {
    says: "Écart de % s avec l'heure de cette machine.",
    todo: 'Régler le serveur NTP de la caméra sur celui du réseau.',
  },
  'clock-zone': {
    says: "Écart de % s : l'erreur est celle d'un fuseau horaire ou de l'heure d'été.",
    todo: 'Corriger le fuseau horaire de la caméra, puis son serveur NTP.',
  },
  'clock-unknown': { says: "La caméra ne dit pas l'heure." },
  'events-good': { says: 'Détection de sabotage annoncée : %.' },
  'events-plain': {
    says: 'Événements annoncés (% sujets), aucun de sabotage : le collecteur le cherche lui-même dans les images.',
  },
  'events-none': { says: "Pas d'événements ONVIF." },
  'ptz-yes': { says: 'Pilotable ; un second compte, de niveau « Operator », sera nécessaire.' },
  'ptz-no': { says: 'Non pilotable.' },
  'masks-some': { says: '% masque(s) de vie privée actif(s) ; à comparer à ceux qui sont autorisés.' },
  'masks-none': { says: 'Aucun masque de vie privée actif.' },
  'masks-unverifiable': {
    says: "Masques de vie privée non vérifiables par ONVIF : à contrôler à l'image.",
  },
  'sound-on': {
    says: 'Son activé dans % profil(s).',
    todo: 'Couper le son sur la caméra : la voie publique ne se capte pas (CNIL, R.253-1 CSI).',
  },
  'sound-off': { says: 'Pas de son.' },
  'card-records': {
    says: '% enregistrement(s) sur la carte de la caméra : second lieu de conservation, à déclarer ou à couper.',
  },
  'tls-good': { says: 'HTTPS disponible (%) ; à activer avec un certificat épinglé.' },
  'tls-old': {
    says: 'HTTPS disponible (%), certificat expiré.',
    todo: 'Renouveler le certificat de la caméra.',
  },
  'tls-none': {
    says: 'Pas de HTTPS : administration et images en clair sur le réseau de la commune (ANSSI R50).',
  },
};
