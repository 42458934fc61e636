/**
 * The package of MQTT takes the streams of Node instead of a copy of them from npm, which costs ten megabytes of each
 * process. To be imported before it.
 * @see readable-stream, lib/ours/index.js
 */
process.env.READABLE_STREAM = 'disable';
