/** What commands act on; other rooms fit it. Every text answer is for the operator: short, and free of secrets. */
export interface CommandPorts {
  ping(signal: AbortSignal): Promise<string>;
  /** Checks the camera now and says in words how it is, well or not. @throws BeffroiError when it cannot be checked */
  checkCamera(camera: string, signal: AbortSignal): Promise<string>;
  /** Ends the stream of the camera and begins it anew. */
  restartStream(camera: string, signal: AbortSignal): Promise<string>;
  /** Whether the configuration in force holds the camera. */
  knowsCamera(camera: string): boolean;
}
