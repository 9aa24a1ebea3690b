//! `docs/faults.md` says what the table says.
