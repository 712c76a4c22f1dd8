//! A route as it is served and as it is described: the answer that is described is the one that its handler gives.

use std::future::Future;

use axum::Json;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::face::Face;
use super::{asked, filters};
use domain::code::Code;

/// A route.
pub(super) struct Route {
    /// `get` or `post`.
    pub(super) method: &'static str,
    /// With the names of what is in it, such as `/api/turns/{id}`.
    pub(super) path: &'static str,
    /// Its name in clients that are made from the document.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) does: &'static str,
    /// What it takes, in its path and behind the `?` (a deed: or in its body).
    pub(super) takes: Vec<Parameter>,
    /// What it answers with.
    pub(super) answer: Answer,
    /// What else it answers with: another status than 200 with the same body.
    pub(super) also: Option<(StatusCode, &'static str)>,
    /// When it answers with an error, and which, beside what every route does.
    pub(super) refuses: Vec<(StatusCode, Vec<Code>)>,
    /// It makes the program do something.
    pub(super) is_deed: bool,
    /// It is of contract 7.2: what is sent and not understood is not heard, and errors have the shape of the original.
    pub(super) is_of_the_contract: bool,
    handler: MethodRouter<Face>,
}

/// Something that a route takes.
#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// What it means.
    pub(super) means: &'static str,
    /// A value that it can have.
    pub(super) example: &'static str,
    /// Which values it can have.
    pub(super) schema: Value,
    /// It is a word of the path.
    pub(super) is_in_path: bool,
    /// Without it nothing is done.
    pub(super) is_needed: bool,
}

/// What a route answers with.
pub(super) enum Answer {
    /// A document of this shape.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// Text of one of these types.
    Text(&'static [&'static str]),
}

/// A body that a handler answers with if all is well.
pub(super) trait Told {
    type Body: JsonSchema;
}

impl<T: JsonSchema> Told for Json<T> {
    type Body = T;
}

impl<T: JsonSchema, E> Told for Result<Json<T>, E> {
    type Body = T;
}

impl<T: JsonSchema> Told for (StatusCode, Json<T>) {
    type Body = T;
}

/// A handler that answers with a document.
pub(super) trait Answers<Given> {
    type Body: JsonSchema;
}

/// One for each number of things that a handler is given.
macro_rules! answers {
    ($($given:ident)*) => {
        impl<F, Fut, $($given),*> Answers<($($given,)*)> for F
        where
            F: Fn($($given),*) -> Fut,
            Fut: Future,
            Fut::Output: Told,
        {
            type Body = <Fut::Output as Told>::Body;
        }
    };
}

answers!();
answers!(A);
answers!(A B);
answers!(A B C);

impl Route {
    /// One that shows a document.
    pub(super) fn shows<H, T, A>(
        path: &'static str,
        name: &'static str,
        does: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Face> + Answers<A>,
        T: 'static,
    {
        Self::new("get", path, name, does, Answer::Json(shape::<H::Body>), get(handler))
    }

    /// One that does something, and tells what came of it.
    pub(super) fn does<H, T, A>(
        path: &'static str,
        name: &'static str,
        does: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Face> + Answers<A>,
        T: 'static,
    {
        let route = Self::new("post", path, name, does, Answer::Json(shape::<H::Body>), post(handler));
        Self { is_deed: true, ..route }
    }

    /// One that shows text.
    pub(super) fn text<H, T>(
        path: &'static str,
        name: &'static str,
        does: &'static str,
        kinds: &'static [&'static str],
        handler: H,
    ) -> Self
    where
        H: Handler<T, Face>,
        T: 'static,
    {
        Self::new("get", path, name, does, Answer::Text(kinds), get(handler))
    }

    fn new(
        method: &'static str,
        path: &'static str,
        name: &'static str,
        does: &'static str,
        answer: Answer,
        handler: MethodRouter<Face>,
    ) -> Self {
        Self {
            method,
            path,
            name,
            does,
            takes: Vec::new(),
            answer,
            also: None,
            refuses: Vec::new(),
            is_deed: false,
            is_of_the_contract: false,
            handler,
        }
    }

    /// The same with what it takes.
    pub(super) fn takes(self, takes: impl IntoIterator<Item = Parameter>) -> Self {
        Self { takes: takes.into_iter().collect(), ..self }
    }

    /// The same with an error that it answers with.
    pub(super) fn refuses(mut self, status: StatusCode, codes: &[Code]) -> Self {
        match self.refuses.iter_mut().find(|(own, _)| *own == status) {
            Some((_, own)) => own.extend(codes),
            None => self.refuses.push((status, codes.to_vec())),
        }
        self
    }

    /// The same with the errors of whoever reads the ledger.
    pub(super) fn reads_the_ledger(self) -> Self {
        self.refuses(StatusCode::INTERNAL_SERVER_ERROR, &[Code::Ledger, Code::LedgerRow])
    }

    /// The same with another status for the same body.
    pub(super) fn also(self, status: StatusCode, when: &'static str) -> Self {
        Self { also: Some((status, when)), ..self }
    }

    /// The same as a deed, though it is asked with GET.
    pub(super) fn being_a_deed(self) -> Self {
        Self { is_deed: true, ..self }
    }

    /// The same as one of contract 7.2.
    pub(super) fn of_the_contract(self) -> Self {
        Self { is_of_the_contract: true, ..self }
    }

    /// What it takes beside the words of its path.
    pub(super) fn asked_with(&self) -> impl Iterator<Item = &Parameter> {
        self.takes.iter().filter(|own| !own.is_in_path)
    }

    /// How it is served: what takes nothing refuses whatever is sent.
    pub(super) fn served(self) -> (&'static str, bool, MethodRouter<Face>) {
        let takes_nothing = self.asked_with().next().is_none();
        let handler = match (takes_nothing, self.is_deed, self.is_of_the_contract) {
            (true, true, _) => self.handler.route_layer(from_fn(asked::nothing)),
            (true, false, false) => self.handler.route_layer(from_fn(filters::none)),
            _ => self.handler,
        };
        (self.path, self.is_deed, handler)
    }
}

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
