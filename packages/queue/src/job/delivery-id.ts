/** The tokens of lanes and of single jobs (lane/lib.lua). A lane's are numbered. */
const TOKEN = /^turn-(.*)$/;

/** The single job that a delivery id names, as long as it was not exchanged; null for the token of a lane. */
export function jobOfDelivery(deliveryId: string): string | null {
  const id = TOKEN.exec(deliveryId)?.[1] ?? deliveryId;
  return /^\d+$/.test(id) ? null : id;
}
