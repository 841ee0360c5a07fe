/** The client closed the connection before it was answered: there is nobody to answer. */
export class ClientDisconnected extends Error {
  override readonly name = 'ClientDisconnected';
}
