//! The client of mana-auth, against the stand-in.
