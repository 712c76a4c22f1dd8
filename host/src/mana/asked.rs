//! What we ask mana-auth for, and what it means when it refuses that.

use std::fmt;

use super::sign_in_form::SignInForm;
use domain::code::Code;

/// What we asked mana-auth for. It shows as the beginning of the error's sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after its question")]
pub enum Asked {
    Login { email: String, by: SignInForm },
    SignOut { email: String },
    Spaces,
    VaultStatus,
    VaultInit,
    Due,
    Actions,
    Feedback,
    Create { email: String },
    List,
}

impl Asked {
    pub(super) fn login(email: &str, by: SignInForm) -> Self {
        Self::Login { email: email.to_owned(), by }
    }

    /// Whether it is asked with the key that is the same for everybody.
    pub(super) fn shows_the_service_key(&self) -> bool {
        matches!(self, Self::Due | Self::Actions | Self::Feedback)
    }

    /// What it means that mana-auth refused this.
    pub(super) fn refusal_code(&self, status: u16, body: &str) -> Code {
        match (self, status) {
            (Self::Login { .. }, 429) if says_locked(body) => Code::LoginLocked,
            (Self::Login { .. }, 429) => Code::LoginLimited,
            (Self::Login { .. }, 401) => Code::LoginRefused,
            (Self::Login { .. }, 403) => Code::LoginUnverified,
            (Self::Login { .. }, _) => Code::LoginFailed,
            (Self::SignOut { .. }, _) => Code::SignOutFailed,
            (Self::Spaces, 401 | 403) => Code::SpaceRefused,
            (Self::Spaces, _) => Code::SpaceFailed,
            (Self::VaultStatus | Self::VaultInit, _) => Code::VaultFailed,
            (Self::Due | Self::Actions | Self::Feedback, 401 | 403) => Code::ServiceKeyRefused,
            (Self::Actions | Self::Feedback, 404) if body.contains("Persona not found") => Code::PersonaGone,
            (Self::Due | Self::Actions | Self::Feedback, 404) => Code::WrongPath,
            (Self::Due, _) => Code::DueFailed,
            (Self::Actions | Self::Feedback, _) => Code::DeliveryRefused,
            (Self::Create { .. } | Self::List, 401) => Code::AdminTokenRefused,
            (Self::Create { .. } | Self::List, 403) => Code::NotAnAdmin,
            (Self::Create { .. } | Self::List, 404) => Code::WrongPath,
            (Self::Create { .. }, _) => Code::CreateFailed,
            (Self::List, _) => Code::ListFailed,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignOut { email } => write!(f, "Persona sign-out failed for {email}"),
            Self::Login { email, .. } => write!(f, "Persona login failed for {email}"),
            Self::Spaces => f.write_str("Space list failed"),
            Self::VaultStatus => f.write_str("Vault status failed"),
            Self::VaultInit => f.write_str("Vault init failed"),
            Self::Due => f.write_str("listDuePersonas failed"),
            Self::Actions => f.write_str("postActions failed"),
            Self::Feedback => f.write_str("postFeedback failed"),
            Self::List => f.write_str("The list of all personas failed"),
            Self::Create { email } => write!(f, "Creating {email} failed"),
        }
    }
}

/// Both generations of mana-auth's answer (contract 3.1).
pub(super) fn says_locked(body: &str) -> bool {
    body.contains("Account locked") || body.contains("ACCOUNT_LOCKED")
}
