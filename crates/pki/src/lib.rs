//! Keys, X.509, SCTs, CMS, RFC 3161 and JWTs: pure functions over bytes, a time and a random source.

pub mod digest; // SHA-256, SHA-384, SHA-512: names, values, streaming
pub mod key; // public and private keys, signature schemes, signers
pub mod pem; // RFC 7468 text encodings, read and written
pub mod random; // the random source that callers hand in
pub mod time; // seconds since the epoch, RFC 3339, clocks, validity
