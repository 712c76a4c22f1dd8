//! Who looks on while the stand-ins answer: a test sees each request come, be carried out and be answered, and can do
//! something at that very moment. It knows nobody's routes.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

/// As much as the most patient of the stand-ins takes.
const MAX_BODY: usize = 32 << 20;

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// All of it is there, and nothing has been done.
    Arrived,
    /// It has been carried out. Nothing of the answer's body has left, and none does before the witness returns.
    Done,
    /// All of the answer has been handed to the connection.
    Answered,
}

/// What a stand-in was asked.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Which of them: `mana-auth`, `mana-mcp` or `claude`.
    pub stand_in: &'static str,
    /// The method.
    pub method: Method,
    /// The path, without a query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Somebody who looks on, or nobody. With a witness, answers come in chunks and without their length.
#[derive(Clone, Default)]
pub struct Witness(Option<Look>);

type Look = Arc<dyn Fn(&Sight, Point) + Send + Sync>;

impl Witness {
    /// Nobody looks on.
    #[must_use]
    pub fn nobody() -> Self {
        Self(None)
    }

    /// This is called at each point of each request, on the thread that answers it.
    pub fn new(look: impl Fn(&Sight, Point) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(look)))
    }

    /// The same router, with the witness before it.
    pub(crate) fn before(&self, stand_in: &'static str, router: Router) -> Router {
        match &self.0 {
            None => router,
            Some(look) => router.layer(from_fn_with_state((stand_in, Arc::clone(look)), look_on)),
        }
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "somebody" } else { "nobody" })
    }
}

async fn look_on(
    State((stand_in, look)): State<(&'static str, Look)>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    // Whoever breaks off in the middle of a request does not hear this.
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return (StatusCode::BAD_REQUEST, "the stand-in could not read all of the request").into_response();
    };
    let sight = Arc::new(Sight {
        stand_in,
        method: head.method.clone(),
        path: head.uri.path().to_owned(),
        headers: head.headers.clone(),
        body: body.clone(),
    });
    look(&sight, Point::Arrived);
    let (mut head, body) = next.run(Request::from_parts(head, Body::from(body))).await.into_parts();
    // With a length, the connection would not ask what comes after the last byte.
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from_stream(watched(body.into_data_stream(), sight, look)))
}

/// The same answer, whose first byte and whose end are told.
fn watched(
    body: BodyDataStream,
    sight: Arc<Sight>,
    look: Look,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream::unfold((body, false), move |(mut body, mut is_done)| {
        let (sight, look) = (Arc::clone(&sight), Arc::clone(&look));
        async move {
            let piece = body.next().await;
            if !is_done {
                look(&sight, Point::Done);
                is_done = true;
            }
            if piece.is_none() {
                // The connection sends what it holds after it has heard of the end, which is now.
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    look(&sight, Point::Answered);
                });
            }
            Some((piece?, (body, is_done)))
        }
    })
}
