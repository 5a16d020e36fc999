use serde_json::{Map, Value};
use signhere_pki::time::Validity;

use super::TrustError;
use crate::excerpt::excerpt;
use crate::proto_json::Message;

/// Takes `validFor`, whose start has to be there.
pub(super) fn read(message: &mut Message<'_>) -> Result<Validity, TrustError> {
    let path = message.path("validFor");
    let Some(mut window) = message.message("validFor")? else {
        return Err(TrustError::NoStart { path });
    };
    let start = window.time("start")?;
    let end = window.time("end")?;
    window.finish();
    let Some(start) = start else {
        return Err(TrustError::NoStart { path });
    };
    if end.is_some_and(|end| end < start) {
        return Err(TrustError::WindowReversed { path });
    }
    Ok(Validity { start, end })
}

/// Returns the JSON of a window.
pub(super) fn to_value(window: &Validity) -> Value {
    let mut value = Map::new();
    value.insert("start".to_owned(), window.start.to_string().into());
    if let Some(end) = window.end {
        value.insert("end".to_owned(), end.to_string().into());
    }
    Value::Object(value)
}

/// Checks that the media type is the expected one or another spelling of it.
pub(super) fn media_type(
    message: &mut Message<'_>,
    expected: &'static str,
    others: &[&str],
) -> Result<(), TrustError> {
    let found = message.string("mediaType")?;
    if found == expected || others.contains(&found.as_str()) {
        return Ok(());
    }
    Err(TrustError::MediaType {
        expected,
        found: excerpt(&found),
    })
}
