//! Answers as no good server gives them, told byte for byte: the same for every neighbour of the menu. What is sent of
//! bodies that never end is counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::stream;
use futures_util::stream::StreamExt as _;

/// What there is of a body that is too large.
const GIGABYTE: usize = 1 << 30;
/// How fast a slow body comes.
const DRIP: Duration = Duration::from_millis(50);

/// One answer.
#[derive(Clone)]
pub(crate) struct Sent {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    content: Content,
}

#[derive(Clone)]
enum Content {
    /// This, and then it is over.
    Whole(Vec<u8>),
    /// This, and then the connection ends.
    Cut(Vec<u8>),
    /// This, and then this again and again, slowly.
    Drips(Vec<u8>, &'static str),
    /// This, and then a gigabyte of this.
    Vast(Vec<u8>, &'static str),
    /// Not even a status.
    Never,
}

/// An answer with this status and body.
pub(crate) fn sent(status: u16, body: impl AsRef<[u8]>) -> Sent {
    Sent { status, headers: Vec::new(), content: Content::Whole(body.as_ref().to_vec()) }
}

/// A success of this kind.
pub(crate) fn well(kind: &'static str, body: impl AsRef<[u8]>) -> Sent {
    sent(200, body).with("content-type", kind)
}

/// Events of a stream.
pub(crate) fn events(events: &str) -> Sent {
    well("text/event-stream", events)
}

/// The connection is there, and no answer.
pub(crate) fn never() -> Sent {
    Sent { content: Content::Never, ..sent(200, "") }
}

impl Sent {
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// It says that it is encoded so, and its bytes make no sense.
    pub(crate) fn encoded(mut self, encoding: &'static str) -> Self {
        self.content = Content::Whole(vec![0x1f, 0x8b, 1, 2]);
        self.with("content-encoding", encoding)
    }

    /// The connection ends behind the body.
    pub(crate) fn cut(self) -> Self {
        Self { content: Content::Cut(self.begins()), ..self }
    }

    /// Behind the body this comes, again and again, and nothing else.
    pub(crate) fn then_drips(self, what: &'static str) -> Self {
        Self { content: Content::Drips(self.begins(), what), ..self }
    }

    /// Behind the body a gigabyte of this comes.
    pub(crate) fn then_a_gigabyte_of(self, what: &'static str) -> Self {
        Self { content: Content::Vast(self.begins(), what), ..self }
    }

    fn begins(&self) -> Vec<u8> {
        match &self.content {
            Content::Whole(bytes) => bytes.clone(),
            _ => Vec::new(),
        }
    }

    /// The answer; of what is too large the meter counts what is taken.
    pub(crate) async fn response(&self, row: usize, meter: &Meter) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(*name, *value);
        }
        response.body(self.body(row, meter).await).unwrap()
    }

    async fn body(&self, row: usize, meter: &Meter) -> Body {
        let first = |bytes: &[u8]| stream::iter([Ok::<_, io::Error>(Bytes::copy_from_slice(bytes))]);
        match &self.content {
            Content::Whole(bytes) => Body::from(bytes.clone()),
            Content::Cut(bytes) => {
                // Only when the head is on its way, or the whole answer is lost.
                let end = stream::once(async {
                    tokio::time::sleep(DRIP).await;
                    Err(io::Error::other("the row wants it so"))
                });
                Body::from_stream(first(bytes).chain(end))
            }
            Content::Drips(bytes, what) => {
                let what: &'static str = what;
                let drips = stream::unfold(tokio::time::interval(DRIP), move |mut drip| async move {
                    drip.tick().await;
                    Some((Ok(Bytes::from_static(what.as_bytes())), drip))
                });
                Body::from_stream(first(bytes).chain(drips))
            }
            Content::Vast(bytes, what) => {
                let chunk = Bytes::from(what.repeat((64 << 10) / what.len()));
                let (meter, chunks) = (meter.clone(), GIGABYTE / chunk.len());
                let all = stream::iter(0..chunks).map(move |_| {
                    meter.add(row, chunk.len());
                    Ok(chunk.clone())
                });
                Body::from_stream(first(bytes).chain(all))
            }
            Content::Never => std::future::pending().await,
        }
    }
}

/// How many bytes of bodies without measure each row's persona has taken.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Vec<AtomicUsize>>);

impl Meter {
    pub(crate) fn of(rows: usize) -> Self {
        Self(Arc::new((0..rows).map(|_| AtomicUsize::new(0)).collect()))
    }

    pub(crate) fn taken(&self, row: usize) -> usize {
        self.0[row].load(Ordering::Relaxed)
    }

    fn add(&self, row: usize, bytes: usize) {
        self.0[row].fetch_add(bytes, Ordering::Relaxed);
    }
}
