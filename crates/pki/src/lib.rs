//! Keys, X.509, SCTs, CMS, RFC 3161 and JWTs: pure functions over bytes, a time and a random source.

mod algorithm; // algorithm identifiers of X.509 and CMS
mod asn1; // DER from parts that are encoded already
pub mod build; // certificates made: CAs, Fulcio's leaves, time stamping authorities
pub mod cert; // X.509 certificates
pub mod chain; // paths from a certificate to a trusted root
pub mod cms; // signed messages with one signer
pub mod cosign_key; // private keys under a passphrase, as cosign writes them
pub mod digest; // SHA-256, SHA-384, SHA-512: names, values, streaming
pub mod fulcio; // Fulcio's certificate extensions
pub mod jwt; // JSON Web Tokens and key sets
pub mod key; // public and private keys, signature schemes, signers
mod oid; // object identifiers
pub mod pem; // RFC 7468 text encodings, read and written
pub mod random; // the random source that callers hand in
pub mod sct; // signed certificate timestamps
pub mod time; // seconds since the epoch, RFC 3339, clocks, validity
pub mod tsp; // timestamps of RFC 3161: read, verified, made
