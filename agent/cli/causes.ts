import { CODES, type Code } from '../base/codes.ts';
import type { BeffroiError } from '../base/errors.ts';
import type { Language } from './language.ts';

interface CauseText {
  readonly means: string;
  readonly remedy: string;
}

/** What each code means and what to do, in French; the English stands in the table of codes. */
const FRENCH: Record<Code, CauseText> = {
  'box-file-unreadable': {
    means: 'Le fichier du collecteur est illisible.',
    remedy: 'Vérifier le chemin et les droits du compte de service.',
  },
  'box-file-invalid': {
    means: "Le fichier du collecteur n'est pas du JSON, ou une clé est fausse, absente ou inconnue.",
    remedy: 'Corriger chaque chemin indiqué.',
  },
  'key-file-unreadable': {
    means: 'Une clé, un certificat ou le trousseau est illisible ou inutilisable.',
    remedy: "Réinstaller le fichier de l'enrôlement, lisible par le seul compte de service.",
  },
  'runtime-folder-unusable': {
    means: "Le dossier des sockets de l'agent ne peut pas être créé ou écrit, ou son chemin est trop long.",
    remedy:
      'Nommer dans runtimeFolder un dossier court où le compte de service peut écrire, comme /run/beffroi.',
  },
  'certificate-expired': {
    means: "Le certificat du collecteur a expiré ou n'est pas encore valide.",
    remedy: "Renouveler le certificat au CSU et vérifier l'horloge.",
  },
  'order-unsigned': {
    means: "L'ordre n'est pas un JWS signé lisible.",
    remedy: 'Signer les ordres avec beffroi-csu.',
  },
  'order-bad-signature': {
    means: "Aucune signature de l'ordre n'est valable.",
    remedy: "Chercher qui l'a émis : il est forgé, altéré ou signé par une clé retirée.",
  },
  'order-wrong-role': {
    means: "La signature est bonne, mais la clé n'a pas ce droit.",
    remedy: 'Signer avec une clé qui porte ce rôle.',
  },
  'order-wrong-audience': {
    means: "L'ordre s'adresse à un autre collecteur.",
    remedy: "Signer l'ordre pour ce site.",
  },
  'order-expired': {
    means: "L'ordre a dépassé sa fin de validité.",
    remedy: 'Le signer à nouveau ; vérifier les horloges du collecteur et du CSU.',
  },
  'order-not-yet-valid': {
    means: "L'ordre est daté du futur.",
    remedy: 'Vérifier les horloges du collecteur et du CSU.',
  },
  'order-replayed': {
    means: 'Cet ordre a déjà été pris.',
    remedy: "Envoyer un nouvel ordre ; si personne ne l'a renvoyé, chercher qui le rejoue.",
  },
  'order-retained': {
    means: 'Une commande est arrivée comme message retenu ; une commande ne se retient jamais.',
    remedy: 'Effacer le message retenu du courtier.',
  },
  'receipt-altered': {
    means:
      "Un reçu signe pour un événement d'autres octets que ceux partis du collecteur : une copie a été altérée en route.",
    remedy:
      "Chercher qui commande le courtier. L'événement reste au collecteur et repart ; au CSU, comparer les lignes de cet identifiant.",
  },
  'receipt-flood': {
    means:
      "Il arrive plus de reçus qu'aucun récepteur n'en envoie ; au-delà de la limite ils ne sont pas lus.",
    remedy:
      'Chercher qui publie sur ack/receipt : seul le récepteur du CSU le peut. Les événements attendent au collecteur.',
  },
  'order-older-version': {
    means: "La version n'est pas supérieure à la plus haute déjà prise.",
    remedy: 'Signer avec une version supérieure.',
  },
  'order-invalid': {
    means: 'Le contenu signé ne respecte pas son schéma.',
    remedy: 'Corriger chaque chemin indiqué.',
  },
  'order-too-large': {
    means: 'Le message dépasse la taille admise.',
    remedy: 'Chercher qui le publie ; un vrai ordre est bien plus petit.',
  },
  'order-clock-untrusted': {
    means: "L'horloge du collecteur n'est pas fiable : la validité d'une commande ne peut pas être jugée.",
    remedy: 'Rétablir la source de temps, puis renvoyer la commande.',
  },
  'order-unknown-target': {
    means: 'La commande nomme une caméra absente de la configuration.',
    remedy: 'Nommer une caméra de la configuration en vigueur.',
  },
  'order-wrong-regime': {
    means:
      "L'ordre est d'un autre régime que la caméra : une visualisation est pour une caméra à la demande, un bail pour celle d'un partenaire, une mission ou une relance du flux pour une caméra qui n'est pas à un partenaire.",
    remedy: 'Vérifier le régime de la caméra ; aucun ordre ne le change.',
  },
  'camera-disabled': {
    means: "L'ordre vise une caméra que la configuration désactive.",
    remedy: 'Remettre enabled à true dans son entrée, ou ne pas la viser.',
  },
  'order-unknown-channel': {
    means:
      "La visualisation ou le bail désigné n'est pas ouvert, ou n'est pas de cette caméra ou de ce partenaire.",
    remedy: "Donner l'identifiant de l'ordre d'ouverture ; le canal est peut-être déjà fermé.",
  },
  'channel-too-long': {
    means: 'La fin demandée est plus lointaine que la durée permise.',
    remedy: 'Demander une fin plus proche ; un besoin plus long se redemande.',
  },
  'channel-over': {
    means: 'La fin demandée est déjà passée.',
    remedy: 'Signer un nouvel ordre ; vérifier les horloges.',
  },
  'channel-open': {
    means: 'Un bail est déjà ouvert pour ce destinataire, ou trop de visualisations de cette caméra.',
    remedy: "Utiliser le canal ouvert, ou le fermer d'abord.",
  },
  'partner-consent': {
    means:
      "La configuration fait d'une caméra connue comme celle d'un partenaire autre chose, la déplace ou élargit les conditions de ses baux, sans le consentement signé de ce partenaire.",
    remedy:
      'Le faire signer par le partenaire (beffroi-csu partner consent) et signer la configuration avec sa déclaration.',
  },
  'lease-none': {
    means: "La caméra est celle d'un partenaire et aucun bail n'est ouvert : rien ne lui demande d'images.",
    remedy: "Rien : c'est voulu. Le partenaire ouvre quand il le faut.",
  },
  'lease-wrong-partner': {
    means: 'Signé par un partenaire, mais pas par celui à qui est la caméra.',
    remedy: 'Faire signer le propriétaire ; vérifier ses clés dans la configuration.',
  },
  'lease-recipient': {
    means: "La convention ne nomme pas ce destinataire, ou sa clé n'est pas celle du bail.",
    remedy: 'Vérifier les destinataires de la configuration et leurs clés chez le partenaire.',
  },
  'lease-operator': {
    means: "L'opérateur nommé n'est pas sur la liste du destinataire, ou son agrément n'est pas valable.",
    remedy: 'Nommer un opérateur agréé ; tenir la liste à jour.',
  },
  'lease-reason': {
    means: 'La convention ne prévoit pas ce motif.',
    remedy: 'Donner un des motifs de la convention.',
  },
  'lease-convention': {
    means: "La convention avec le partenaire n'est pas en vigueur.",
    remedy: 'Renouveler la convention et ses dates dans la configuration.',
  },
  'lease-hours': {
    means: 'Hors des plages horaires de la convention.',
    remedy: 'Rien hors de ces plages : elles font partie de la convention.',
  },
  'lease-not-safe': {
    means:
      'Le collecteur ne peut garantir que le bail est neuf et refermable : disque en défaut, mémoire plus jeune que le bail, ou liaison avec le centre perdue.',
    remedy: 'Corriger ce que montre beffroi status, puis faire signer un nouveau bail.',
  },
  'channel-closed': {
    means:
      "Le traitement vidéo a refusé le bail ou l'a fermé aussitôt, ou il a été fermé avant d'être ouvert.",
    remedy: 'Lire le message ; faire signer un nouveau bail.',
  },
  'secret-unopenable': {
    means: "Un identifiant scellé ne s'ouvre pas avec la clé de ce collecteur.",
    remedy: "Sceller l'identifiant pour ce collecteur.",
  },
  'keyring-invalid': {
    means:
      "Le trousseau est abîmé, n'est pas signé par l'autorité, ou est plus ancien qu'un trousseau déjà utilisé.",
    remedy: 'Installer le trousseau le plus récent du CSU.',
  },
  'store-unavailable': {
    means: "Le dossier d'état est plein ou protégé ; les alarmes sont gardées en mémoire.",
    remedy: 'Libérer de la place ou rétablir les droits.',
  },
  'store-damaged': {
    means: 'La base de données était abîmée ; elle est mise de côté et une nouvelle est commencée.',
    remedy: 'Garder le fichier mis de côté ; contrôler la mémoire flash.',
  },
  'broker-unreachable': {
    means: "Le courtier MQTT n'accepte pas de connexion.",
    remedy: "Vérifier la dorsale, l'adresse et le courtier.",
  },
  'broker-silent': {
    means: 'Le courtier accepte la connexion mais ne répond pas à temps.',
    remedy: 'Vérifier le courtier et les équipements en chemin.',
  },
  'broker-refused': {
    means: 'Le courtier refuse la session.',
    remedy: 'Vérifier que le certificat du collecteur est connu et non révoqué.',
  },
  'broker-tls-refused': {
    means: 'Échec TLS : autre autorité, autre nom, ou certificat refusé.',
    remedy: "Vérifier le fichier d'autorité du collecteur et le certificat du courtier.",
  },
  'event-conflict': {
    means:
      "Le récepteur a reçu deux événements de même identifiant et d'octets différents : l'un a été altéré en route.",
    remedy:
      'Les deux sont gardés et écrits, le second avec son numéro dans copy. Chercher qui commande le courtier.',
  },
  'broker-protocol': {
    means: "Ce qui répond à l'adresse du courtier ne parle pas MQTT (ou pas TLS), ou l'enfreint.",
    remedy:
      "Vérifier l'adresse et le port dans le fichier du collecteur : le message dit ce qui est venu, par exemple la réponse d'un serveur web.",
  },
  'broker-closed': {
    means: 'Le courtier a fermé la session.',
    remedy: 'Chercher un autre client de même identité, puis lire le journal du courtier.',
  },
  'message-too-large': {
    means:
      "Un message du collecteur dépasse ce que le courtier accepte ; il n'est pas parti. Une alarme reste dans le collecteur jusqu'à ce qu'un courtier la prenne ; le reste est abandonné et compté.",
    remedy: 'Relever la taille maximale du courtier (max_packet_size de Mosquitto).',
  },
  'order-out-of-bounds': {
    means:
      "L'ordre demande plus que la configuration ne permet, par exemple une alarme mise de côté trop longtemps.",
    remedy: 'Renvoyer avec une valeur dans les bornes que le message donne.',
  },
  'order-busy': {
    means: "Le collecteur traite déjà autant de commandes qu'il en prend.",
    remedy: 'Attendre la fin des autres, puis renvoyer.',
  },
  'command-timeout': {
    means: "La commande n'a pas fini à temps et a été abandonnée.",
    remedy: "Regarder l'état de la caméra, puis renvoyer.",
  },
  'command-interrupted': {
    means: "L'agent s'est arrêté avant la fin de la commande.",
    remedy: 'Renvoyer un ordre.',
  },
  'command-line-invalid': {
    means: 'La ligne de commande est fausse.',
    remedy: 'La corriger comme indiqué ; --help liste les commandes.',
  },
  'csu-folder-unusable': {
    means: 'Un dossier du CSU manque, est incomplet ou existe déjà.',
    remedy: "Donner le bon dossier ; rien n'est jamais écrasé.",
  },
  'receiver-archive-unusable': {
    means: "L'archive du récepteur est inutilisable, endommagée, ou déjà prise par un autre récepteur.",
    remedy: "Arrêter l'autre récepteur, ou restaurer le fichier ; aucun reçu n'est signé entre-temps.",
  },
  'box-silent': {
    means: "Le collecteur n'a pas répondu à temps.",
    remedy: "Vérifier avec beffroi-csu watch qu'il est en ligne.",
  },
  'camera-unauthorised': {
    means: "L'autorisation préfectorale de cette caméra est échue (law.authorisation).",
    remedy: 'La faire renouveler et porter la nouvelle fin dans la configuration, ou désactiver la caméra.',
  },
  'camera-law-breach': {
    means: 'La caméra donne des images, mais ne respecte pas son profil légal.',
    remedy: "Voir son état « law » : régler la caméra, ou faire renouveler l'autorisation.",
  },
  'report-unwritable': {
    means: 'Les fichiers du rapport ne peuvent pas être écrits.',
    remedy: 'Nommer avec --out un dossier qui existe et où le compte peut écrire.',
  },
  'outbox-overflow': {
    means: "Trop d'événements attendent le courtier ; les plus anciens sont abandonnés.",
    remedy: 'Rétablir le lien ; les numéros manquants disent ce qui est perdu.',
  },
  'camera-network-down': {
    means: 'Plus aucune caméra du collecteur ne répond.',
    remedy:
      "Vérifier le commutateur et l'alimentation communs aux caméras, puis le lien entre eux et le collecteur.",
  },
  'link-lost': {
    means:
      "Le collecteur n'a pas eu de lien avec le centre pendant plus longtemps que le réglage. Dit au retour du lien.",
    remedy: 'Vérifier la dorsale ; le message du lien dit ce qui a manqué.',
  },
  'backbone-slow': {
    means: 'Le courtier répond plus tard que la limite, sur deux fenêtres de mesure.',
    remedy: 'Vérifier la charge de la dorsale et son trajet, puis le courtier.',
  },
  'backbone-lossy': {
    means: 'Ce qui est envoyé au courtier se perd plus que la limite, sur deux fenêtres de mesure.',
    remedy:
      'Vérifier les liens radio, fibres et commutateurs de la dorsale, et le mode duplex de leurs ports.',
  },
  'backbone-full': {
    means:
      'La ligne vers le courtier ne prend pas ce que le collecteur doit envoyer, sur deux fenêtres de mesure.',
    remedy:
      'Donner plus de débit à la ligne, ou régler le budget de la dorsale et les priorités des caméras.',
  },
  'disk-worn': {
    means: "Le disque du dossier d'état a usé plus de sa vie que la limite.",
    remedy: 'Remplacer le disque, ou le collecteur, avant la panne.',
  },
  'disk-nearly-full': {
    means: "Le disque du dossier d'état a moins de place libre que la limite.",
    remedy: 'Libérer de la place : journaux, paquets, bases mises de côté.',
  },
  'box-unread': {
    means:
      'Des paquets de la caméra sont arrivés en UDP et ont été perdus parce que le collecteur ne les a pas lus à temps.',
    remedy:
      'Voir la charge du collecteur ; porter net.core.rmem_max à 2 Mio ou plus, ou passer `transport` de la caméra à `tcp`.',
  },
  'box-hot': {
    means: 'Le processeur du collecteur est plus chaud que la limite.',
    remedy: 'Vérifier son emplacement, son ventilateur et la poussière.',
  },
  'clock-unsynchronised': {
    means: "L'heure du collecteur n'est plus synchronisée : il la tient seul.",
    remedy: 'Rétablir la source de temps du collecteur.',
  },
  'certificate-ending': {
    means: 'Le certificat du collecteur finit bientôt.',
    remedy: "Renouveler le certificat au CSU et l'installer.",
  },
  'outbox-filling': {
    means: "La boîte d'envoi est plus remplie que la limite.",
    remedy: 'Rétablir le lien avec le courtier, ou le récepteur du CSU qui signe les reçus.',
  },
  'box-unreadable': {
    means: 'Le collecteur ne peut pas lire son propre disque, ses capteurs ou son certificat.',
    remedy: "Lire le journal de l'agent ; vérifier les droits du compte de service.",
  },
  'clock-untrusted': {
    means: "L'horloge du collecteur n'est plus synchronisée depuis trop longtemps.",
    remedy: 'Rétablir la source de temps.',
  },
  'camera-fault': {
    means: 'La caméra signale elle-même un défaut.',
    remedy: 'Lire le détail ; regarder la page de la caméra.',
  },
  'destination-unreachable': {
    means: "La destination des images n'accepte pas la connexion.",
    remedy: "Vérifier la dorsale, l'adresse dans la configuration et le serveur vidéo.",
  },
  'destination-connecting': {
    means: 'Des images sont arrivées alors que le collecteur se connectait encore à la destination.',
    remedy: 'Aucun : cela cesse dès que la destination répond.',
  },
  'destination-silent': {
    means: 'La destination a accepté la connexion mais ne répond pas, ou ne lit pas.',
    remedy: 'Regarder la charge et le journal du serveur vidéo, et ce qui le sépare du collecteur.',
  },
  'destination-closed': {
    means: 'La destination a fermé la connexion.',
    remedy: "Aucun si c'est rare ; sinon, lire le journal du serveur vidéo.",
  },
  'destination-login-refused': {
    means: "La destination refuse l'identification, ou demande le mot de passe en clair.",
    remedy: 'Corriger les identifiants de la destination dans la configuration.',
  },
  'destination-refused': {
    means: "La destination a compris la demande et l'a refusée.",
    remedy: "Lire ce qu'elle répond ; vérifier le chemin et les droits sur le serveur vidéo.",
  },
  'destination-protocol': {
    means: 'La destination a envoyé quelque chose de contraire au protocole.',
    remedy: "Vérifier qu'un serveur vidéo écoute à l'adresse de la configuration.",
  },
  'destination-certificate': {
    means: "Le certificat TLS de la destination n'est pas celui attendu, ou n'est pas signé par l'autorité.",
    remedy: "Épingler le certificat du serveur vidéo, ou le faire signer par l'autorité du centre.",
  },
  'backbone-budget': {
    means:
      'Le budget de la dorsale ne suffit pas : la voie est en pause, sa priorité ne tient pas dans le budget.',
    remedy:
      'Baisser le débit des caméras, relever le budget ou la priorité dans la configuration ; une mission la relève pour un temps.',
  },
  'credit-too-small': {
    means:
      "Des images de la caméra dépassent ce qui peut attendre pour une destination (video.creditKb) : elles n'y arrivent pas, et la suite est écartée jusqu'à la prochaine image clé qui y tient.",
    remedy:
      'Porter video.creditKb au-dessus de la plus grande image clé (9216 passe toutes celles qui sont lues), ou baisser la qualité, le débit ou la définition de la caméra.',
  },
  'destination-slow': {
    means:
      "La destination prend les images moins vite qu'elles n'arrivent ; elles sont écartées jusqu'à la prochaine image clé.",
    remedy: 'Vérifier le débit de la liaison et la charge de la destination ; baisser le débit de la caméra.',
  },
  'camera-unreachable': {
    means: 'La caméra ne répond pas sur le réseau.',
    remedy: 'Vérifier son alimentation, son câble et le commutateur.',
  },
  'camera-port-closed': {
    means: 'La caméra répond mais refuse le port.',
    remedy: 'Vérifier le port configuré et les services de la caméra.',
  },
  'camera-slow': {
    means: "La caméra commence à répondre et n'en finit pas à temps.",
    remedy: 'Vérifier sa charge et sa liaison ; redémarrer la caméra.',
  },
  'camera-unsteady': {
    means: "La caméra répond à certaines connexions et en coupe ou en laisse d'autres, sans cesse.",
    remedy: 'Vérifier sa charge, ses autres clients et son câble ; mettre à jour son logiciel.',
  },
  'camera-silent': {
    means: 'La caméra accepte la connexion mais ne répond pas à temps.',
    remedy: 'Redémarrer la caméra ; vérifier sa charge.',
  },
  'camera-login-refused': {
    means: "La caméra refuse l'identifiant.",
    remedy: "Corriger l'identifiant dans la configuration.",
  },
  'camera-latched': {
    means: "Trois refus pour cette version d'identifiant ; plus aucun essai.",
    remedy: "Pousser une configuration avec une nouvelle version d'identifiant.",
  },
  'camera-connection-limit': {
    means: 'Toutes les connexions permises vers cette caméra sont prises.',
    remedy: 'Rien : nouvel essai automatique. Relever la limite si la caméra le permet.',
  },
  'camera-request-limit': {
    means: "Le collecteur a interrogé cette caméra autant qu'il le peut pour le moment.",
    remedy: 'Rien : nouvel essai automatique. Si cela dure, prévenir les développeurs.',
  },
  'camera-busy': {
    means: 'La caméra sert déjà trop de clients.',
    remedy: "Fermer d'autres lecteurs de cette caméra.",
  },
  'camera-clock-refused': {
    means: "La caméra refuse l'identifiant à cause de son horloge.",
    remedy: 'Régler la source de temps de la caméra.',
  },
  'camera-protocol': {
    means: 'La caméra envoie quelque chose de contraire au protocole.',
    remedy: 'Noter la marque et le logiciel ; chercher une mise à jour.',
  },
  'camera-too-large': {
    means: 'Une réponse de la caméra dépasse la taille admise.',
    remedy: 'Noter la marque et le logiciel ; chercher une mise à jour.',
  },
  'camera-redirected': {
    means: 'La caméra renvoie vers une autre adresse ; le collecteur ne suit pas.',
    remedy: "Corriger l'adresse configurée ; chercher pourquoi elle renvoie ailleurs.",
  },
  'camera-not-found': {
    means: 'La caméra ne connaît pas le flux demandé.',
    remedy: "Corriger l'adresse du flux ou le profil.",
  },
  'camera-unsupported': {
    means: "La caméra n'a pas ce service.",
    remedy: "L'activer dans la caméra ou le retirer de la configuration.",
  },
  'camera-no-video': {
    means: "Le flux n'a pas de piste vidéo H.264 ou H.265.",
    remedy: "Régler l'encodeur sur H.264 ou H.265.",
  },
  'camera-stalled': {
    means: "Le flux est ouvert, mais aucune image n'arrive.",
    remedy: 'Redémarrer la caméra ; vérifier sa charge. Le détail dit ce qui venait encore.',
  },
  'camera-path-lost': {
    means: "Le flux s'est tu et rien de ce que le collecteur envoie n'est acquitté : le chemin est coupé.",
    remedy:
      "Vérifier le lien, le commutateur et le pare-feu entre la caméra et le collecteur, puis l'alimentation de la caméra.",
  },
  'camera-udp-blocked': {
    means: "La caméra a accepté d'envoyer ses images en UDP, mais aucun paquet n'arrive.",
    remedy: 'Ouvrir le chemin UDP entre la caméra et le collecteur, ou mettre transport à tcp ou udp-or-tcp.',
  },
  'camera-metadata-lost': {
    means:
      'La piste de métadonnées du flux a perdu des paquets, est muette ou trop bavarde : les événements passent par un abonnement.',
    remedy: "Rien si c'est rare ; sinon vérifier les réglages de métadonnées de la caméra et le lien.",
  },
  'camera-closed': {
    means: 'La caméra a fermé le flux.',
    remedy: "Rien si c'est rare ; sinon lire le journal de la caméra.",
  },
  'camera-insecure-login': {
    means:
      "La caméra demande le mot de passe en clair, et aucun certificat épinglé ne prouve que c'est elle.",
    remedy: "Activer l'authentification digest, ou TLS en épinglant son certificat (certificateSha256).",
  },
  'camera-certificate': {
    means: "Le certificat TLS de la caméra n'est pas celui qui est épinglé.",
    remedy: 'Si la caméra a été remplacée, épingler le nouveau ; sinon chercher qui répond.',
  },
  'camera-low-rate': {
    means: "Le flux apporte moins d'images par seconde que demandé.",
    remedy: "Vérifier les réglages de l'encodeur et la charge.",
  },
  'camera-no-key-picture': {
    means:
      "Les images viennent, mais depuis une minute aucune par laquelle un décodage peut commencer : pas d'image clé (IDR), ou ses paramètres manquent. Une destination qui commence ne reçoit rien.",
    remedy:
      "Régler dans l'encodeur de la caméra une image clé (I, IDR) toutes les quelques secondes, et couper le rafraîchissement progressif (intra refresh).",
  },
  'camera-substream-down': {
    means: 'Le flux principal va bien, mais le flux secondaire ne vient pas.',
    remedy:
      "Vérifier substream dans la configuration, l'encodeur et le nombre de flux permis dans la caméra.",
  },
  'camera-loss': {
    means: 'Des paquets du flux manquent ou des images sont abîmées.',
    remedy: 'Vérifier le lien entre la caméra et le collecteur.',
  },
  'camera-time-source': {
    means: "La caméra prend l'heure ailleurs que là où la configuration l'ordonne, ou est réglée à la main.",
    remedy: 'Régler ses serveurs de temps sur ceux de health.timeServers.',
  },
  'camera-clock-zone': {
    means: "L'horloge de la caméra est décalée d'heures ou de demi-heures entières : fuseau ou heure d'été.",
    remedy: "Régler le fuseau et l'heure d'été de la caméra, et son serveur NTP.",
  },
  'camera-moved': {
    means: "L'appareil d'une caméra répond à une autre adresse que celle de la configuration.",
    remedy:
      'Chercher qui a changé son adresse : la rétablir sur la caméra, ou pousser une configuration avec la nouvelle.',
  },
  'device-unknown': {
    means: 'Un appareil absent de la configuration répond à la découverte sur le réseau des caméras.',
    remedy:
      "Le retrouver sur le commutateur par son adresse et sa MAC. L'enlever, le mettre dans la configuration, ou le nommer dans inventory.expected.",
  },
  'camera-swapped': {
    means: "Un autre appareil répond à l'adresse de la caméra : son numéro de série n'est pas celui attendu.",
    remedy:
      "Si elle a été remplacée, mettre le nouveau numéro de série dans la configuration ; sinon, chercher qui l'a changée.",
  },
  'repair-not-confirmed': {
    means: "La caméra dont la réparation devait être confirmée n'est pas en bon état.",
    remedy: 'Lire dans la réponse ce qui ne va pas encore ; confirmer de nouveau après réparation.',
  },
  'camera-clock-offset': {
    means: "L'horloge de la caméra dépasse l'écart admis.",
    remedy: 'Régler la source de temps de la caméra.',
  },
  'panel-port-unavailable': {
    means: "Le collecteur ne peut pas écouter les centrales d'alarme sur l'adresse et le port configurés.",
    remedy:
      "Corriger l'adresse (une du collecteur, sur le réseau du bâtiment) ou le port ; voir ce qui l'occupe.",
  },
  'panel-silent': {
    means: "Plus rien ne vient d'un compte d'une centrale d'alarme depuis son délai de surveillance.",
    remedy:
      "Vérifier l'alimentation et le réseau de la centrale, et l'adresse du récepteur réglée chez elle.",
  },
  'panel-account-unknown': {
    means: "Un message est venu d'un compte absent de la configuration ; il n'a pas été acquitté.",
    remedy: 'Ajouter le compte à la centrale dans la configuration, ou chercher qui émet.',
  },
  'panel-unencrypted': {
    means: "Un message est venu en clair d'un compte qui a une clé ; il n'a pas été pris.",
    remedy: "Activer le chiffrement dans la centrale ; s'il l'est, chercher qui émet.",
  },
  'panel-key-wrong': {
    means: "Un message chiffré ne s'ouvre pas avec la clé de son compte, ou le compte n'en a pas.",
    remedy: 'Mettre la même clé dans la centrale et dans la configuration.',
  },
  'panel-clock-offset': {
    means:
      "L'heure d'un message chiffré sort de la fenêtre admise ; l'heure du collecteur a été dite à la centrale.",
    remedy: "Régler la source de temps de la centrale ; vérifier l'horloge du collecteur.",
  },
  'panel-protocol': {
    means: "Un message d'une centrale d'alarme est illisible : abîmé, ou d'une autre forme que DC-09.",
    remedy:
      'Noter la marque et la version ; vérifier le format réglé dans la centrale (SIA-DCS ou ADM-CID sur DC-09).',
  },
  'video-process-down': {
    means: 'Le processus vidéo ne tourne pas ou ne répond pas.',
    remedy: 'Rien : il est relancé. Si cela dure, lire son journal.',
  },
  'video-process-late': {
    means:
      "Le traitement vidéo du collecteur s'est arrêté un moment ou n'a pas lu à temps : la caméra n'y est pour rien.",
    remedy: "Rien si c'est rare ; sinon voir la charge, la mémoire et la température du collecteur.",
  },
  'agent-away': {
    means:
      "Aucun agent ne répond sur ce collecteur : il ne tourne pas, ou ce compte n'a pas le droit de l'interroger.",
    remedy:
      'Lancer beffroi.service et lire son journal ; interroger comme root ou comme le compte de service.',
  },
  'picture-black': {
    means: "L'image de la caméra est noire.",
    remedy:
      "Aller voir : cache, peinture, capteur ou objectif hors service ; la nuit, l'éclairage et les projecteurs.",
  },
  'picture-uniform': {
    means: "L'image de la caméra est d'une seule couleur : on n'y voit rien.",
    remedy: "Vérifier le capteur, ou la caméra derrière le convertisseur ; voir si l'objectif est masqué.",
  },
  'picture-overexposed': {
    means: "La plus grande partie de l'image est blanche.",
    remedy: "Vérifier l'exposition et l'iris ; voir si une lampe éclaire l'objectif.",
  },
  'picture-frozen': {
    means: 'La caméra envoie toujours la même image.',
    remedy: 'Redémarrer la caméra.',
  },
  'picture-covered': {
    means: "Quelque chose masque depuis longtemps une grande partie de l'image.",
    remedy:
      'Aller voir : tissu, peinture, neige, branche, véhicule ; confirmer la vue si elle doit rester ainsi.',
  },
  'picture-defocused': {
    means: "L'image est floue, ou l'objectif est sale ou embué.",
    remedy: "Nettoyer l'objectif et refaire la mise au point.",
  },
  'picture-turned': {
    means: 'La caméra montre une autre vue que celle qui a été apprise.',
    remedy: 'Remettre la caméra en place ; confirmer la vue si ce changement est voulu.',
  },
  'picture-noisy': {
    means: "L'image est bien plus bruitée que d'habitude par cette lumière.",
    remedy: "Vérifier l'alimentation, le câble et le capteur ; la nuit, les projecteurs.",
  },
  'picture-undecodable': {
    means: 'Une image clé de la caméra ne peut être décodée : ses images ne sont pas contrôlées.',
    remedy: "Choisir un autre réglage d'encodage (H.264 ou H.265, 8 bits, 4:2:0).",
  },
  'picture-decoder-missing': {
    means: "Le collecteur n'a pas ffmpeg : aucune image n'est contrôlée.",
    remedy:
      'Installer ffmpeg sur le collecteur, ou indiquer son chemin dans le fichier du collecteur (« decoder »).',
  },
  'picture-decoder-failed': {
    means: "ffmpeg a été trop lent, s'est arrêté ou a trop écrit : l'image n'a pas été contrôlée.",
    remedy: 'Voir la charge du collecteur ; mettre ffmpeg à jour.',
  },
  'equipment-unreachable': {
    means:
      "Un module d'entrées, le serveur d'un onduleur ou un courtier du bâtiment ne répond pas à son adresse.",
    remedy:
      "Vérifier son alimentation, son câble et le commutateur ; vérifier l'adresse dans la configuration.",
  },
  'equipment-port-closed': {
    means: "L'équipement répond, mais refuse la connexion à son port.",
    remedy:
      'Vérifier le port dans la configuration et que le service tourne (Modbus TCP ; upsd et son LISTEN ; MQTT).',
  },
  'equipment-silent': {
    means: "L'équipement accepte la connexion, puis ne répond pas à temps.",
    remedy: "Le redémarrer ; chercher un autre maître qui l'occupe.",
  },
  'equipment-closed': {
    means: "L'équipement a coupé la connexion.",
    remedy: "Rien si c'est rare ; sinon chercher un autre client, ou une limite de connexions.",
  },
  'equipment-login-refused': {
    means:
      "Le serveur de l'onduleur, ou le courtier, demande un identifiant, ou refuse celui de la configuration.",
    remedy: 'Corriger les identifiants dans la configuration, ou les droits sur le serveur.',
  },
  'equipment-protocol': {
    means: "La réponse de l'équipement ne respecte pas son protocole.",
    remedy: "Vérifier que l'adresse, le port et l'unité sont les siens ; mettre à jour son logiciel.",
  },
  'equipment-refused': {
    means: 'Le courtier du bâtiment refuse la session ; le message dit pourquoi.',
    remedy: 'Lire le journal de ce courtier : limite de connexions, liste des identifiants de clients.',
  },
  'equipment-tls-refused': {
    means: 'TLS échoue avec le courtier du bâtiment : autre autorité, autre nom, ou certificat expiré.',
    remedy: 'Corriger « tls » du courtier dans la configuration, ou son certificat.',
  },
  'object-topic-refused': {
    means: "Le courtier du bâtiment ne laisse pas le collecteur écouter le sujet d'un objet.",
    remedy: 'Donner au compte du collecteur le droit de lire ce sujet, sur ce courtier.',
  },
  'object-unreadable': {
    means:
      "Ce que l'objet a envoyé ne se lit pas selon son entrée : ni texte, ni JSON, pas de valeur, ou pas un nombre là où il en faut un.",
    remedy: "Comparer ce que l'objet envoie avec son sujet et son pointeur dans la configuration.",
  },
  'object-too-large': {
    means: "Un message d'un objet dépasse la taille permise par la configuration ; il a été jeté.",
    remedy: "Chercher ce qui publie sur ce sujet ; relever maxPayloadBytes si c'est voulu.",
  },
  'object-flood': {
    means:
      'Un objet envoie plus de messages que la configuration ne permet ; du surplus, seuls comptent les dépassements et la dernière valeur ; le nombre de messages écartés est annoncé.',
    remedy: "Ralentir l'objet ; chercher ce qui publie sur ce sujet.",
  },
  'point-crowded': {
    means:
      "Un même point a plus de conditions actives à la fois que le collecteur n'en distingue ; le surplus compte pour une seule, qui ne prend pas fin d'elle-même.",
    remedy:
      "Diviser le point par entrée, zone ou secteur ; regarder ce que la source envoie. Puis clore l'alarme.",
  },
  'object-silent': {
    means: "Aucune valeur n'est venue d'un objet dans son délai.",
    remedy: "Vérifier la pile et la radio de l'objet, puis sa passerelle.",
  },
  'module-exception': {
    means: "Le module d'entrées refuse une question ; le message dit laquelle et pourquoi.",
    remedy: "Vérifier l'unité et les adresses des points : elles commencent à zéro.",
  },
  'ups-not-found': {
    means: "Le serveur NUT ne connaît pas d'onduleur de ce nom.",
    remedy: 'Corriger le nom : `upsc -l` sur le serveur les donne.',
  },
  'ups-data-stale': {
    means: "Le serveur NUT n'entend plus l'onduleur : son pilote est arrêté ou ses données sont anciennes.",
    remedy: "Vérifier le câble entre l'onduleur et le serveur, puis le pilote.",
  },
  'ups-refused': {
    means: "Le serveur NUT refuse de dire l'état de l'onduleur ; le message dit pourquoi.",
    remedy: 'Vérifier le serveur avec `upsc`.',
  },
  'stop-timeout': {
    means: "Une partie ne s'est pas arrêtée à temps.",
    remedy: 'Envoyer le journal aux développeurs.',
  },
  'config-crash': {
    means:
      "L'entrée en vigueur de cette configuration a arrêté l'agent à chaque essai ; la précédente est de nouveau en vigueur.",
    remedy:
      'Envoyer le journal et le fichier signé aux développeurs ; signer une version supérieure sans la nouveauté.',
  },
  internal: {
    means: "Le programme est dans un état qu'il ne devrait pas atteindre.",
    remedy: 'Envoyer le journal aux développeurs.',
  },
};

/** An error for a person: what it means, what was found, and below it what to do. */
export function explain({ code, message }: BeffroiError, language: Language): string {
  const { means, remedy } = causeText(code, language);
  return `${means} [${code}: ${message}]\n  → ${remedy}`;
}

/** What a code means and what to do, for a technician. */
export function causeText(code: Code, language: Language): CauseText {
  return language === 'fr' ? FRENCH[code] : CODES[code];
}
