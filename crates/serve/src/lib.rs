//! A private Sigstore in one process.

mod store;
