//! What all pages have around them, and the headers that they are sent with.

use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::words::line;
use crate::http::error::ApiError;

/// The places of the navigation: path, name, and the key that goes there after `g`.
const PLACES: [(&str, &str, &str); 7] = [
    ("/", "Now", "n"),
    ("/turns", "Turns", "t"),
    ("/personas", "Personas", "p"),
    ("/plugins", "Plugins", "l"),
    ("/experiments", "Experiments", "x"),
    ("/costs", "Costs", "c"),
    ("/api", "API", "a"),
];

/// No inline script, no inline style, nobody else's anything.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);

/// htmx adds no styles of its own, keeps no copies of pages in the browser, and leaves alone what uPlot has drawn.
const HTMX_CONFIG: &str =
    r#"{"includeIndicatorCSS": false, "history": "reload", "morphSkipChildren": ".chart"}"#;

/// A page on its way out.
pub(super) struct Page {
    /// What the tab says.
    pub(super) title: String,
    /// Which place of the navigation it belongs to, by its path.
    pub(super) place: &'static str,
    /// Its own path with everything behind the `?`: what is asked for again when something changed.
    pub(super) address: String,
    /// When it was drawn, by the clock of persona-host.
    pub(super) now: DateTime<Utc>,
    /// What is in it.
    pub(super) body: Markup,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers: [(HeaderName, HeaderValue); 2] =
            [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, HeaderValue::from_static("same-origin"))];
        (headers, self.whole()).into_response()
    }
}

/// What a page says that cannot be shown.
pub(super) struct NoPage(ApiError);

impl<E: Into<ApiError>> From<E> for NoPage {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for NoPage {
    fn into_response(self) -> Response {
        let (status, message, hint) = self.0.parts();
        let body = html! {
            h1 { "This page cannot be shown" }
            p { (line(&message)) }
            @if let Some(hint) = hint { p { "What to do: " (line(&hint)) } }
            p { a href="/" { "Now" } }
        };
        let page = Page {
            title: "No page".to_owned(),
            place: "",
            address: String::new(),
            now: Clock::system().now(),
            body,
        };
        (status, page).into_response()
    }
}

impl Page {
    fn whole(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="htmx-config" content=(HTMX_CONFIG);
                    title { (self.title) " · persona-host" }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href=(assets::place(assets::PLOT_STYLE));
                    link rel="stylesheet" href=(assets::place(assets::OWN_STYLE));
                    // Our own listens before htmx begins, or it misses that the events came to be heard.
                    @for script in [assets::PLOT, assets::OWN, assets::HTMX, assets::SSE] {
                        script src=(assets::place(script)) defer {}
                    }
                }
                body hx-sse:connect="/events?kind=changed" {
                    a .skip href="#page" { "Skip to the page" }
                    header .top {
                        a .brand href="/" { "persona-host" }
                        nav aria-label="Pages" {
                            @for (path, name, key) in PLACES {
                                @let current = (path == self.place).then_some("page");
                                a href=(path) aria-current=[current] data-key=(key) { (name) }
                            }
                        }
                        span #live .live role="status" { "reading" }
                    }
                    p #said .said role="alert" hidden {}
                    main #page data-now=(self.now.to_rfc3339()) hx-get=[Some(&self.address).filter(|own| !own.is_empty())] hx-trigger="changed from:body throttle:1s"
                        hx-select="#page" hx-target="#page" hx-swap="outerMorph" {
                        (self.body)
                    }
                    dialog #keys aria-label="Keys" {
                        h2 { "Keys" }
                        dl {
                            dt { kbd { "?" } } dd { "these keys" }
                            @for (_, name, key) in PLACES {
                                dt { kbd { "g" } " " kbd { (key) } } dd { (name) }
                            }
                            dt { kbd { "j" } " " kbd { "k" } } dd { "next and previous row" }
                            dt { kbd { "Enter" } } dd { "open the row" }
                        }
                        form method="dialog" { button { "Close" } }
                    }
                }
            }
        }
    }
}
