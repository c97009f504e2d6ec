export interface Random {
  next(): number;
  int(min: number, max: number): number;
  bytes(length: number): Uint8Array;
}
