//! SARIF 2.1.0 (OASIS), which CI systems show: each refusal is a result, each
//! code a rule with the catalogue's help.

use serde::Serialize;
use serde_json::{Value, json};

use super::explain::{Explained, Fact};
use super::text::safe;
use crate::error::catalogue::{self, Entry};

/// Where the form is defined.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/// The log file of one run; `exit` is the process's exit code.
pub(crate) fn log(results: &[Explained], exit: u8) -> impl Serialize + use<> {
    let refused: Vec<&Explained> = results.iter().filter(|one| one.error.is_some()).collect();
    let mut codes: Vec<&'static str> = Vec::new();
    for one in &refused {
        if let Some(error) = &one.error
            && !codes.contains(&error.code)
        {
            codes.push(error.code);
        }
    }
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let found: Vec<Value> = refused
        .iter()
        .filter_map(|one| result(one, &codes))
        .collect();
    let artifacts: Vec<Value> = results
        .iter()
        .map(|one| json!({ "location": { "uri": uri(&one.subject) } }))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "signhere",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{ "executionSuccessful": true, "exitCode": exit }],
            "artifacts": artifacts,
            "results": found,
            "columnKind": "unicodeCodePoints",
        }],
    })
}

fn rule(code: &str) -> Value {
    let Some(entry) = catalogue::find(code) else {
        return json!({ "id": code });
    };
    json!({
        "id": code,
        "name": name(code),
        "shortDescription": { "text": entry.what },
        "fullDescription": { "text": entry.why },
        "help": { "text": help(entry) },
        "defaultConfiguration": { "level": "error" },
    })
}

/// `SH-LOG-PROOF` as `LogProof`.
fn name(code: &str) -> String {
    let words = code.split('-').skip(1);
    words
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            format!("{first}{}", rest.to_ascii_lowercase())
        })
        .collect()
}

fn help(entry: &Entry) -> String {
    let causes = entry.causes.join("; ");
    format!(
        "{}\nUsually: {causes}.\nWhat to do: {}.",
        entry.why,
        entry.mend.as_sentence()
    )
}

fn result(one: &Explained, codes: &[&str]) -> Option<Value> {
    let error = one.error.as_ref()?;
    let mut text = safe(&error.message).into_owned();
    let facts = [
        ("expected", &error.expected),
        ("found", &error.found),
        ("mend", &error.mend),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            text.push_str(&format!("\n{name}: {}", safe(fact)));
        }
    }
    Some(json!({
        "ruleId": error.code,
        "ruleIndex": codes.iter().position(|code| *code == error.code),
        "level": "error",
        "message": { "text": text },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": uri(&one.subject) } },
        }],
        "partialFingerprints": { "signhere/v1": format!("{}:{}", error.code, uri(&one.subject)) },
        "properties": {
            "bundle": one.bundle.as_deref().map(safe),
            "evidence": one.nodes.iter().map(|node| {
                let facts = node.facts.iter().map(shown);
                json!({
                    "label": node.label,
                    "state": node.state,
                    "text": safe(&node.text),
                    "facts": facts.collect::<Vec<_>>(),
                })
            }).collect::<Vec<_>>(),
        },
    }))
}

fn shown(fact: &Fact) -> String {
    format!("{}: {}", fact.name, safe(&fact.value))
}

/// A file's name as a URI reference (RFC 3986): whatever could be anything
/// else than a letter of a path is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("a/b-c.txt"), "a/b-c.txt");
        assert_eq!(uri("/srv/a b"), "file:///srv/a%20b");
        assert_eq!(uri("javascript:x"), "javascript%3Ax");
        assert_eq!(uri("\u{202e}\u{1b}"), "%E2%80%AE%1B");
        assert_eq!(name("SH-LOG-PROOF"), "LogProof");
    }
}
