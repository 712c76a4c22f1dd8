-- Who is paused, and since when; the empty address is everybody.
CREATE TABLE pauses (email TEXT COLLATE "C" PRIMARY KEY, since BIGINT NOT NULL);
