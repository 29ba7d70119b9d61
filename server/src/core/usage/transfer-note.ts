/** What becomes known of an upload or a download while it goes on, for its record of usage; whoever learns it writes it here. */
export interface TransferNote {
  readonly kind: 'upload' | 'download';
  owner?: string;
  store?: string;
  uid?: string;
}
