//! Time stamping (RFC 3161, RFC 5816): requests, replies, tokens, and a time stamping authority.

mod info;
mod request;
mod respond;
mod response;
mod token;

pub use request::{MAX_REQUEST_LEN, RequestError, TimestampRequest};
pub use respond::{DEFAULT_POLICY, RespondError, TsaSigner, reject, respond};
pub use response::{FailureInfo, MAX_RESPONSE_LEN, TimestampResponse};
pub use token::{TimestampToken, TspError, VerifiedTimestamp};
