-- What a tool was when it was offered last, so that a change is noticed.
CREATE TABLE tool_pins (
    server    TEXT NOT NULL,
    tool      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (server, tool)
);
