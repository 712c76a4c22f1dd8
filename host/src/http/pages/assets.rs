//! Scripts and styles, all of them in the binary. Those of others are as they were published: their digests are below.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file that pages name.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// htmx 4.0.1 (0BSD) with its SSE extension, uPlot 1.6.32 (MIT), and our own.
const ASSETS: [Asset; 6] = [
    Asset { name: HTMX, kind: SCRIPT, text: include_str!("../../../assets/htmx-4.0.1.min.js") },
    Asset { name: SSE, kind: SCRIPT, text: include_str!("../../../assets/hx-sse-4.0.1.min.js") },
    Asset { name: PLOT, kind: SCRIPT, text: include_str!("../../../assets/uplot-1.6.32.min.js") },
    Asset { name: PLOT_STYLE, kind: STYLE, text: include_str!("../../../assets/uplot-1.6.32.min.css") },
    Asset { name: OWN, kind: SCRIPT, text: include_str!("../../../assets/pages.js") },
    Asset { name: OWN_STYLE, kind: STYLE, text: include_str!("../../../assets/pages.css") },
];

pub(super) const HTMX: &str = "htmx-4.0.1.js";
pub(super) const SSE: &str = "hx-sse-4.0.1.js";
pub(super) const PLOT: &str = "uplot-1.6.32.js";
pub(super) const PLOT_STYLE: &str = "uplot-1.6.32.css";
pub(super) const OWN: &str = "pages.js";
pub(super) const OWN_STYLE: &str = "pages.css";

/// Where a page finds an asset. What is behind the `?` changes with its bytes, so that a browser keeps nothing that is old.
pub(super) fn place(name: &str) -> String {
    static DIGESTS: LazyLock<BTreeMap<&str, String>> =
        LazyLock::new(|| ASSETS.iter().map(|asset| (asset.name, digest(asset.text))).collect());
    let digest = DIGESTS.get(name).map_or("", |digest| &digest[..12]);
    format!("/assets/{name}?{digest}")
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `GET /assets/{name}`.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "404 Not Found").into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400")),
    ];
    (headers, asset.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_as_they_published_it() {
        for (name, digest) in [
            (HTMX, "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"),
            (SSE, "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103"),
            (PLOT, "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"),
            (PLOT_STYLE, "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"),
        ] {
            let asset = ASSETS.iter().find(|asset| asset.name == name).expect(name);
            let own: String = Sha256::digest(asset.text).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(own, digest, "{name}");
        }
    }
}
