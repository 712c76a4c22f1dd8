//! The stand-in mana-auth, row by row of the contract's tables.
