/** Words that begin a comment which asks for code. English, since comments in Python mostly are. */

/** Hardly ever nouns: whatever follows, something is to be done. */
export const CLEAR_VERBS: ReadonlySet<string> = new Set(
  `add append apply assert avoid build calculate call capitalise capitalize choose clean clear close collect combine
   compute concatenate connect convert copy create decode define delete detect determine download drop encode enumerate
   ensure evaluate exclude execute expand extract fetch find flatten generate get give handle implement include
   increment initialise initialize insert install invert iterate join keep load locate make merge move normalise normalize
   obtain open parse pick populate prepare prompt raise read reject remove rename render replace resolve retrieve reverse
   rewrite round save scan select send serialise serialize skip solve strip subtract swap take tokenise tokenize traverse
   trim try turn unpack update upload use validate verify wait write yield`
    .split(/\s+/)
    .filter((word) => word !== ""),
);

/** Nouns as well ("return value", "list of names"): they ask only where a determiner follows. */
export const AMBIGUOUS_VERBS: ReadonlySet<string> = new Set(
  `cache catch change check compare complete compress count cut display divide draw echo end fill filter fix format group
   guess hash index limit list log look map mark match measure model multiply order pad pair parallelise parallelize pass
   plot print process push query record return run sample score search set shift show shuffle sort split start stop store
   sum test time track transform translate walk wrap zip`
    .split(/\s+/)
    .filter((word) => word !== ""),
);

export const DETERMINERS: ReadonlySet<string> = new Set(
  "the a an all each every its their this that these those any it them both only one two three".split(" "),
);

/** Openings that say nothing of the task itself. */
export const OPENING =
  /^(?:please|now|then|next|first|finally|and|also|let's|let us|we (?:need|want|have) to)[,:]?\s+/i;

/** "A function that …", "Helper to …": the thing asked for instead of the deed. */
export const THING_ASKED_FOR =
  /^(?:an?\s+|the\s+)?(?:async\s+|python\s+|small\s+|simple\s+|helper\s+|recursive\s+)*(?:function|method|class|helper|generator|decorator|context manager|script|loop)\s+(?:that|which|to|for|called|named)\s/i;
