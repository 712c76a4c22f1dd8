-- What happened, as it is told to whoever reads along. The number only grows, and the newest row always stays.
CREATE TABLE events (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    turn TEXT,
    persona TEXT,
    event TEXT NOT NULL
);
