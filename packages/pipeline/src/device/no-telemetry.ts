/**
 * onnxruntime 1.30 keeps a device id and a database of events in the home folder, a log in the temporary one, and sends
 * the events to its vendor, unless this variable is set when it is loaded. A service that detects faces must not
 * send data to anyone. Import this before onnxruntime-node.
 */
// biome-ignore lint/style/noProcessEnv: the native library has no other switch; nothing is read here
process.env['ORT_DISABLE_TELEMETRY'] = '1';
