//! The one HTTP client: it goes where it was sent, and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use persona_host::outbound;

use crate::support::http::Server;

#[tokio::test]
async fn no_redirect_is_followed_with_what_was_meant_for_another() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let other = Server::start(Router::new().fallback(async move || {
        count.fetch_add(1, Ordering::Relaxed);
    }))
    .await;
    let client = outbound::client().unwrap();
    for status in [301, 302, 303, 307, 308] {
        for target in [
            other.url("/steal"),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "//[fe80::1]/".to_owned(),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let location = HeaderValue::from_str(&target).unwrap();
            let first =
                Server::start(Router::new().fallback(async move || (status, [(LOCATION, location)]))).await;
            let sent = client.post(first.url("/")).bearer_auth("canary").body("{}").send().await.unwrap();
            assert_eq!(sent.status().as_u16(), status.as_u16(), "{target}");
        }
    }
    assert_eq!(heard.load(Ordering::Relaxed), 0);
}
