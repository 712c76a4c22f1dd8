-- Attempts that ended through no fault of the turn, such as those of an orderly stop: they prolong no hold.
ALTER TABLE turns ADD COLUMN uncounted INTEGER NOT NULL DEFAULT 0;
