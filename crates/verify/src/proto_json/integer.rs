use super::node::{Node, Number};

/// 2^53: below it every integer has its own double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the integer that a number, or a string holding a JSON number, stands for.
///
/// A fraction of zero and an exponent are allowed (`1.0`, `1e2`) as long as the double that they
/// read as is whole and below 2^53.
pub(super) fn read(node: &Node<'_>) -> Option<i128> {
    match node {
        Node::Number(number) => from_number(*number),
        Node::String(text) => from_text(text),
        _ => None,
    }
}

fn from_number(number: Number) -> Option<i128> {
    match number {
        Number::Unsigned(value) => Some(value.into()),
        Number::Signed(value) => Some(value.into()),
        // Display of a double never uses an exponent, so whole values print as digits alone.
        Number::Float(value) if value.abs() < EXACT => value.to_string().parse().ok(),
        Number::Float(_) => None,
    }
}

fn from_text(text: &str) -> Option<i128> {
    // serde_json allows white space around a number; ProtoJSON does not inside the quotes.
    if text.len() > 32 || text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return None;
    }
    let number: serde_json::Number = serde_json::from_str(text).ok()?;
    if let Some(value) = number.as_u64() {
        return Some(value.into());
    }
    if let Some(value) = number.as_i64() {
        return Some(value.into());
    }
    from_number(Number::Float(number.as_f64()?))
}
