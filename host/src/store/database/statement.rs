//! A statement as a value: what it says and what it is given.

use std::borrow::Cow;

use domain::ids::TurnId;

/// A statement. Its parameters are `?` in their order, or `?1`, `?2` … where one is used twice.
#[derive(Clone, Debug)]
pub(in crate::store) struct Statement {
    pub(super) text: Cow<'static, str>,
    pub(super) given: Vec<Given>,
}

/// What a parameter is given. Nothing has a type, too: PostgreSQL asks for it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum Given {
    /// A text.
    Text(Option<String>),
    /// A whole number, or a truth as 0 or 1.
    Whole(Option<i64>),
}

/// A statement that is given nothing yet.
pub(in crate::store) fn sql(text: impl Into<Cow<'static, str>>) -> Statement {
    Statement { text: text.into(), given: Vec::new() }
}

impl Statement {
    /// Gives the next parameter.
    pub(in crate::store) fn bind(mut self, given: impl Into<Given>) -> Self {
        self.given.push(given.into());
        self
    }

    /// Gives as many parameters as there are texts.
    pub(in crate::store) fn bind_all<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> Self {
        texts.into_iter().fold(self, Self::bind)
    }
}

impl From<String> for Given {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Given {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<Option<&str>> for Given {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<&String>> for Given {
    fn from(text: Option<&String>) -> Self {
        Self::Text(text.cloned())
    }
}

impl From<TurnId> for Given {
    fn from(turn: TurnId) -> Self {
        Self::Text(Some(turn.to_string()))
    }
}

impl From<i64> for Given {
    fn from(number: i64) -> Self {
        Self::Whole(Some(number))
    }
}

impl From<u32> for Given {
    fn from(number: u32) -> Self {
        Self::Whole(Some(number.into()))
    }
}

impl From<bool> for Given {
    fn from(truth: bool) -> Self {
        Self::Whole(Some(truth.into()))
    }
}

impl From<Option<i64>> for Given {
    fn from(number: Option<i64>) -> Self {
        Self::Whole(number)
    }
}

impl From<Option<u32>> for Given {
    fn from(number: Option<u32>) -> Self {
        Self::Whole(number.map(i64::from))
    }
}
