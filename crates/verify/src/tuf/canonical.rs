//! Canonical JSON as TUF's implementations sign it: names sorted, nothing between values, and in strings
//! only the quote and the backslash escaped. Control characters stay as they are, so it is not always JSON.

use super::TufError;
use crate::proto_json::{Node, Number};

/// The canonical form of a value.
pub(super) fn encode(node: &Node<'_>) -> Result<Vec<u8>, TufError> {
    let mut out = Vec::new();
    write(node, &mut out)?;
    Ok(out)
}

/// The parser has bounded the depth.
fn write(node: &Node<'_>, out: &mut Vec<u8>) -> Result<(), TufError> {
    match node {
        Node::Null => out.extend(b"null"),
        Node::Bool(true) => out.extend(b"true"),
        Node::Bool(false) => out.extend(b"false"),
        Node::Number(Number::Unsigned(value)) => out.extend(value.to_string().bytes()),
        Node::Number(Number::Signed(value)) => out.extend(value.to_string().bytes()),
        Node::Number(Number::Float(_)) => return Err(TufError::NotInteger),
        Node::String(text) => write_string(text, out),
        Node::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(element, out)?;
            }
            out.push(b']');
        }
        Node::Object(members) => {
            // By code point, which in UTF-8 is by byte.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            out.push(b'{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write(value, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto_json;

    fn canonical(json: &str) -> Result<String, TufError> {
        let node = proto_json::value(json.as_bytes(), 1 << 16)?;
        encode(&node).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn names_are_sorted_by_code_point_and_only_two_characters_escaped() {
        let json = "{\"b\": [1, -2, true, null, {}], \"\u{e9}\": \"\\n\\u0001\\\"\\\\/\\u00e9\", \"B\": {\"\u{10000}\": 1, \"\u{ffff}\": 2}}";
        let expected = "{\"B\":{\"\u{ffff}\":2,\"\u{10000}\":1},\"b\":[1,-2,true,null,{}],\"\u{e9}\":\"\n\u{1}\\\"\\\\/\u{e9}\"}";
        assert_eq!(canonical(json).unwrap(), expected);
        assert_eq!(
            canonical("18446744073709551615").unwrap(),
            u64::MAX.to_string()
        );
    }

    #[test]
    fn fractions_have_no_canonical_form() {
        for json in ["1.5", "[1.0]", "1e2", "18446744073709551616", "-0.0"] {
            assert_eq!(canonical(json), Err(TufError::NotInteger), "{json}");
        }
    }
}
