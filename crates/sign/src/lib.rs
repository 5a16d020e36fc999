//! Identities, the clients of CA, log and timestamp authority, and signing.
