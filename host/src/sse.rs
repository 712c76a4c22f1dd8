//! Server-sent events out of bytes, as the HTML standard reads them. It knows nothing of what the
//! events mean, and holds no more of one than its limit.

/// One event: a name (empty when the stream gave none) and its data lines, joined by line feeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The value of the last `event` field.
    pub name: String,
    /// The values of the `data` fields.
    pub data: String,
}

/// An event is longer than the decoder may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one event of the stream is longer than {limit} bytes")]
pub struct TooLong {
    /// The most bytes that one event may have.
    pub limit: usize,
}

/// Turns chunks of any size into events. After an error it must be thrown away.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The line whose end has not come yet.
    line: Vec<u8>,
    /// The event whose blank line has not come yet.
    event: Event,
    has_data: bool,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    /// How far the stream says that its reader is.
    last_id: Option<String>,
    /// No line has ended yet, so a byte order mark may stand at its start.
    at_start: bool,
}

impl Decoder {
    /// A decoder that refuses an event of more than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            event: Event::default(),
            has_data: false,
            after_return: false,
            last_id: None,
            at_start: true,
        }
    }

    /// The value of the last `id` field, if there was one: from there on a reader that comes back reads. It is set by a
    /// stream that says only how far it is, too.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Reads `chunk` and appends every event that it completes to `events`.
    ///
    /// # Errors
    /// When an event outgrows the limit. What was complete before it is in `events`.
    pub fn feed(&mut self, mut chunk: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        if self.after_return && !chunk.is_empty() {
            self.after_return = false;
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.take_line(&chunk[..end], events)?;
            let ended_by_return = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            if ended_by_return {
                self.after_return = chunk.is_empty();
                chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
            }
        }
        self.check_room_for(chunk)?;
        self.line.extend_from_slice(chunk);
        Ok(())
    }

    /// Handles one whole line, of which `rest` is the part that has just come.
    fn take_line(&mut self, rest: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        self.check_room_for(rest)?;
        if self.line.is_empty() {
            self.read_line(rest, events);
            return Ok(());
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(rest);
        self.read_line(&line, events);
        line.clear();
        self.line = line;
        Ok(())
    }

    fn check_room_for(&self, bytes: &[u8]) -> Result<(), TooLong> {
        let held = self.event.name.len() + self.event.data.len() + self.line.len() + bytes.len();
        if held > self.limit { Err(TooLong { limit: self.limit }) } else { Ok(()) }
    }

    fn read_line(&mut self, mut line: &[u8], events: &mut Vec<Event>) {
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(events);
            return;
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                // A character never spans lines, so each line can be decoded alone.
                self.event.data.push_str(&String::from_utf8_lossy(value));
            }
            b"id" if !value.contains(&0) => {
                self.last_id = Some(String::from_utf8_lossy(value).into_owned());
            }
            b"event" => self.event.name = String::from_utf8_lossy(value).into_owned(),
            // A comment has an empty field name. `retry` is for those who choose no pause themselves. Everything else is to
            // be ignored.
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64;

    /// What it shows, the bytes, and the events as name and data.
    type Row = (&'static str, &'static [u8], &'static [(&'static str, &'static str)]);

    /// Decodes `chunks`, and gives the events up to the end or the error.
    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Result<(), TooLong>) {
        let mut decoder = Decoder::new(LIMIT);
        let mut events = Vec::new();
        for chunk in chunks {
            if let Err(error) = decoder.feed(chunk, &mut events) {
                return (events, Err(error));
            }
        }
        (events, Ok(()))
    }

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn a_stream_is_read_as_the_standard_says() {
        let rows: &[Row] = &[
            ("line feeds", b"event: a\ndata: 1\n\n", &[("a", "1")]),
            ("carriage returns", b"event: a\rdata: 1\r\r", &[("a", "1")]),
            ("both", b"event: a\r\ndata: 1\r\n\r\n", &[("a", "1")]),
            ("mixed", b"event: a\r\ndata: 1\n\rdata: 2\r\r", &[("a", "1"), ("", "2")]),
            ("byte order mark", b"\xEF\xBB\xBFdata: 1\n\n", &[("", "1")]),
            ("a second mark is no mark", b"\xEF\xBB\xBF\xEF\xBB\xBFdata: 1\n\n", &[]),
            ("only one space is cut", b"data:  1\n\ndata:2\n\n", &[("", " 1"), ("", "2")]),
            ("lines are joined", b"data: 1\ndata\ndata: 3\n\n", &[("", "1\n\n3")]),
            ("empty data is an event", b"data\n\n", &[("", "")]),
            ("no data, no event", b"event: a\n\ndata: 1\n\n", &[("", "1")]),
            ("comments and unknown fields", b": hi\nid: 7\nretry: 1\nfoo: x\nbar\ndata: 1\n\n", &[("", "1")]),
            ("an unfinished event is dropped", b"data: 1\n\ndata: 2\n", &[("", "1")]),
            ("colons in the value", b"data: {\"a\":1}\n\n", &[("", "{\"a\":1}")]),
            ("umlauts", "data: Frühstück\n\n".as_bytes(), &[("", "Frühstück")]),
            ("broken UTF-8", b"data: a\xC3\n\n", &[("", "a\u{FFFD}")]),
        ];
        for (what, bytes, expected) in rows {
            let expected: Vec<Event> = expected.iter().map(|(name, data)| event(name, data)).collect();
            assert_eq!(decode([*bytes]), (expected, Ok(())), "{what}");
        }
    }

    #[test]
    fn an_event_beyond_the_limit_is_refused_even_without_a_line_end() {
        let too_long = Err(TooLong { limit: LIMIT });
        let long = format!("data: 1\n\ndata: {}", "x".repeat(LIMIT));
        assert_eq!(decode([long.as_bytes()]), (vec![event("", "1")], too_long));
        let many = "data: 1234567890\n".repeat(10);
        assert_eq!(decode([many.as_bytes()]), (vec![], too_long));
        let comments = ": 1234567890\n".repeat(100) + "data: 1\n\n";
        assert_eq!(decode([comments.as_bytes()]), (vec![event("", "1")], Ok(())));
    }

    /// Pieces that meet each rule often, which random bytes never would.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::sample::select(vec![
                &b"\n"[..],
                b"\r",
                b"\r\n",
                b"\n\n",
                b"data",
                b"data: ",
                b"event: ",
                b":",
                b"id: 1\n",
                b"\xEF\xBB\xBF",
                "ü€😀".as_bytes(),
                b"{\"type\":\"ping\"}",
            ])
            .prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..4),
        ]
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            pieces in prop::collection::vec(piece(), 0..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let bytes = pieces.concat();
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.push(bytes.len());
            ends.sort_unstable();
            let mut start = 0;
            let chunks = ends.into_iter().map(|end| &bytes[std::mem::replace(&mut start, end)..end]);
            let whole = decode([bytes.as_slice()]);
            prop_assert_eq!(decode(chunks), whole.clone());
            prop_assert_eq!(decode(bytes.chunks(1)), whole);
        }
    }
}
