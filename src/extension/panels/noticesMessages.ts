import * as v from "valibot";

const bare = <const T extends string>(type: T) => v.object({ type: v.literal(type) });

export const fromNotices = [bare("startNow"), bare("removeFromQueue"), bare("openParent")] as const;
