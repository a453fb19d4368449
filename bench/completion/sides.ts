/** What both engines are asked for, in processes of their own, one request at a time. */
export interface Side {
  complete(
    prompt: readonly number[],
    maxTokens: number,
  ): Promise<{ reusedTokens: number; firstTokenMs: number; totalMs: number }>;
}

export interface SideRequest {
  prompt: number[];
  maxTokens: number;
}

export type SideReply =
  | { type: "loaded"; milliseconds: number }
  | { type: "completed"; reusedTokens: number; firstTokenMs: number; totalMs: number; residentBytes: number };
