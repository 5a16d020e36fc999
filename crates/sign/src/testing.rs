//! What the tests of this crate share.

pub(crate) mod instance;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};
pub(crate) use signhere_testkit::network::*;

/// A token with these claims and a signature that nobody made.
pub(crate) fn token(claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "ES256", "kid": "1"});
    format!("{}.{}.c2ln", part(&header), part(claims))
}
