/** A token of a lane or of a single job (lane/lib.lua): those of a lane have a number, that of a job has its id. */
const TOKEN = /^turn-(.*)$/;

/** The single job that a delivery id names; null for the token of a lane. The claim may still bring another job (see flow/lib.lua). */
export function jobOfDelivery(deliveryId: string): string | null {
  const id = TOKEN.exec(deliveryId)?.[1] ?? deliveryId;
  return /^\d+$/.test(id) ? null : id;
}
