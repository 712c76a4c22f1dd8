//! Whom an address means, as somebody typed it: of those who are known, and never nobody.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::parts::Runner;
use crate::mana::Mana;
use crate::store::{Ledger, LedgerError};

/// How long mana-auth is waited for, which only knows of more personas.
const PATIENCE: Duration = Duration::from_secs(3);
/// So alike has a name to be that it may have been meant.
const ALIKE: f64 = 0.85;
/// So many are named.
const MOST: usize = 5;

/// An address that means nobody, or more than one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Nobody {
    /// As it was typed.
    pub typed: String,
    /// Who may have been meant.
    pub near: Vec<String>,
    /// It is the beginning of each of these.
    pub is_of_many: bool,
}

/// Why it is not known whom an address means.
#[derive(Debug, thiserror::Error)]
pub enum WhomError {
    /// It means nobody, or more than one.
    #[error(transparent)]
    Nobody(#[from] Nobody),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Nobody {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        if self.is_of_many {
            "give more of the address"
        } else if self.typed.trim().is_empty() {
            "name the address of a persona, or leave it out for everybody"
        } else {
            "`persona-host personas list` shows who there is; who has never been due can be paused with --anyway (over \
             HTTP: anyway=true)"
        }
    }
}

impl fmt::Display for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { typed, near, is_of_many } = self;
        match (is_of_many, near.as_slice()) {
            (true, near) => {
                write!(f, "{typed:?} is the beginning of more than one address: {}", near.join(", "))
            }
            (false, []) => write!(f, "nobody of the address {typed:?} is known, and nothing was changed"),
            (false, near) => write!(
                f,
                "nobody of the address {typed:?} is known, and nothing was changed; did you mean {}?",
                near.join(" or ")
            ),
        }
    }
}

/// The one of `known` whom this means: by the whole address or by its beginning, in whatever case.
///
/// # Errors
/// When it means none of them, or more than one.
pub fn meant<'a>(typed: &str, known: impl IntoIterator<Item = &'a String>) -> Result<String, Nobody> {
    let wanted = typed.trim().to_lowercase();
    let nobody = |near, is_of_many| Nobody { typed: typed.to_owned(), near, is_of_many };
    if wanted.is_empty() {
        return Err(nobody(Vec::new(), false));
    }
    let known: BTreeSet<&String> = known.into_iter().collect();
    if let Some(exact) = known.iter().find(|own| own.as_str() == typed.trim()) {
        return Ok((**exact).clone());
    }
    let of = |fits: &dyn Fn(&str) -> bool| -> Vec<String> {
        known.iter().filter(|own| fits(&own.to_lowercase())).map(|own| (**own).clone()).collect()
    };
    let same = of(&|own| own == wanted);
    let begun = if same.is_empty() { of(&|own| own.starts_with(&wanted)) } else { same };
    match begun.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let name = |own: &str| own.split('@').next().unwrap_or_default().to_owned();
            let near = of(&|own| {
                let likeness = |one: &str, other: &str| strsim::jaro_winkler(one, other) > ALIKE;
                own.contains(&wanted) || likeness(own, &wanted) || likeness(&name(own), &name(&wanted))
            });
            let mut near = near;
            near.sort_by(|one, other| {
                let likeness = |own: &str| strsim::jaro_winkler(&own.to_lowercase(), &wanted);
                likeness(other).total_cmp(&likeness(one))
            });
            near.truncate(MOST);
            Err(nobody(near, false))
        }
        many => Err(nobody(many.iter().take(MOST).cloned().collect(), true)),
    }
}

/// The same of those whom the ledger knows, and else of those who are due.
///
/// # Errors
/// As [`meant`], and when the ledger cannot be read.
pub async fn meant_anywhere(typed: &str, ledger: &Ledger, mana: Option<&Mana>) -> Result<String, WhomError> {
    let mut known = ledger.emails().await?;
    if known.contains(typed.trim()) {
        return Ok(typed.trim().to_owned());
    }
    if let Some(mana) = mana
        && let Ok(Ok(due)) = tokio::time::timeout(PATIENCE, mana.due()).await
    {
        known.extend(due.personas.into_iter().map(|persona| persona.email));
    }
    Ok(meant(typed, &known)?)
}

impl Runner {
    /// Whom an address means, of all who are known: to the ledger, to mana-auth's list of who is due, or to the calendar,
    /// which learns of everybody from these two.
    ///
    /// # Errors
    /// When it means nobody or more than one, or the ledger cannot be read.
    pub async fn whom(&self, typed: &str) -> Result<String, WhomError> {
        meant_anywhere(typed, &self.deps.ledger, Some(&self.deps.mana)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_address_or_the_beginning_of_one_means_somebody_and_everything_else_nobody() {
        let known = ["persona.anna@mana.test", "persona.annabel@mana.test", "Persona.Ben@mana.test"];
        let known: Vec<String> = known.map(str::to_owned).to_vec();
        let of = |typed: &str| meant(typed, &known);
        for (typed, email) in [
            ("persona.anna@mana.test", 0),
            ("persona.anna@", 0),
            (" PERSONA.ANNA@mana.test ", 0),
            ("persona.annab", 1),
            ("persona.b", 2),
        ] {
            assert_eq!(of(typed).as_ref(), Ok(&known[email]), "{typed}");
        }
        for (typed, is_of_many, near) in [
            ("persona.ana@mana.test", false, true),
            ("anna", false, true),
            ("persona.anna", true, true),
            ("", false, false),
            ("  ", false, false),
            ("zoe@elsewhere.example", false, false),
        ] {
            let nobody = of(typed).expect_err("nobody is meant");
            assert_eq!((nobody.is_of_many, !nobody.near.is_empty()), (is_of_many, near), "{typed}: {nobody}");
        }
        let typo = of("persona.ana@mana.test").expect_err("nobody is meant");
        assert!(typo.to_string().contains("did you mean persona.anna@mana.test or "), "{typo}");
    }
}
