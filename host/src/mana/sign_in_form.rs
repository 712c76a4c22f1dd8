//! In which form a persona signs in at mana-auth.

/// How a persona signs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignInForm {
    /// By cookie, and by Bearer where mana-auth has no cookie sign-in.
    #[default]
    Auto,
    /// Only by cookie: what a real mana-auth accepts (contract 3.5).
    Cookie,
    /// Only by Bearer: the form that the first runner documented (contract 3.1).
    Bearer,
}
