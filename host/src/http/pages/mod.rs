//! The pages: what an operator, an author and an experimenter see in a browser. Each is a function of what the ledger and
//! the process hold, drawn anew whenever something changed; without scripts they are read all the same.

mod api;
mod assets;
mod chart;
mod compare;
mod costs;
mod experiments;
mod frame;
mod now;
mod persona;
mod personas;
mod plugins;
mod rows;
mod shown;
mod trend;
mod turn;
mod turns;
mod waterfall;
mod words;

pub(super) use shown::SHOWN;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;

use super::face::Face;
use super::filters;

/// Where the pages are.
pub(super) fn routes() -> Router<Face> {
    let whole = Router::new()
        .route("/", get(now::page))
        .route("/turns/{id}", get(turn::page))
        .route("/personas/{email}", get(persona::page))
        .route("/plugins", get(plugins::page))
        .route("/api", get(api::page))
        .route("/experiments", get(experiments::list))
        .route("/experiments/{key}", get(experiments::one))
        .route("/experiments/{key}/report", get(experiments::report))
        .route_layer(from_fn(filters::none));
    whole
        .route("/turns", get(turns::page))
        .route("/personas", get(personas::page))
        .route("/compare", get(compare::page))
        .route("/costs", get(costs::page))
        .route("/assets/{name}", get(assets::asset))
}
