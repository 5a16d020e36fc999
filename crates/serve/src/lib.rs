//! A private Sigstore in one process.
