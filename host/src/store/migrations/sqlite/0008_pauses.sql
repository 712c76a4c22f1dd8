-- Who is paused, and since when; the empty address is everybody.
CREATE TABLE pauses (email TEXT PRIMARY KEY NOT NULL, since INTEGER NOT NULL) STRICT;
