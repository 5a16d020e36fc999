//! Sigstore bundles and trusted roots in, verdicts with evidence out: pure, what others embed.

pub mod bundle; // bundles v0.1 to v0.3: read, write, build
pub mod dsse; // envelopes and what their signatures are over
pub mod entry; // bodies of transparency log entries, one file a kind
pub mod error; // why a verification fails, as facts with stable codes
mod excerpt; // what errors quote
pub mod formats; // documents that carry bundles: of npm, PyPI, conda, GitHub; lists of checksums
pub mod instances; // which instance a bundle was signed on
pub mod intoto; // in-toto statements
mod names; // names of algorithms in protocol buffers
pub mod policy; // who may sign what: the trust file
mod proto_json; // the JSON form of protocol buffers, read strictly
pub mod toml; // values of a TOML file, with their places
pub mod trust; // trusted roots, signing configs
pub mod tuf; // the metadata of The Update Framework: read, verified, signed
pub mod verdict; // what was proven, step by step, or what failed first
pub mod verifier; // bundle, artifact and policy in, verdict out

pub use proto_json::{JsonError, MAX_DEPTH};
