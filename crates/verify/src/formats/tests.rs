use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::time::Time;

use super::pypi::is_same_file;
use super::*;

fn form(text: &str) -> Result<Form, BundleError> {
    Document::parse(text.as_bytes()).map(|document| document.form)
}

const ENVELOPE: &str = r#"{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":"AA==","keyid":"k"}]}"#;

#[test]
fn what_is_no_document_is_said_as_of_a_bundle() {
    for (text, code) in [
        ("", "SH-BUNDLE-JSON"),
        ("{", "SH-BUNDLE-JSON"),
        ("{}", "SH-BUNDLE-VERSION"),
        ("7", "SH-BUNDLE-FORM"),
        ("[]", "SH-BUNDLE-FORM"),
        ("[7]", "SH-BUNDLE-FORM"),
        (r#"{"attestations":[]}"#, "SH-BUNDLE-FORM"),
        (
            r#"{"attestations":[{"predicateType":"x"}]}"#,
            "SH-BUNDLE-FORM",
        ),
        (r#"{"attestation_bundles":[]}"#, "SH-BUNDLE-VERSION"),
        (
            r#"{"version":1,"attestation_bundles":[]}"#,
            "SH-BUNDLE-FORM",
        ),
        (
            r#"{"version":2,"envelope":{},"verification_material":{}}"#,
            "SH-BUNDLE-VERSION",
        ),
        (
            r#"{"version":1,"envelope":{},"verification_material":{}}"#,
            "SH-BUNDLE-FORM",
        ),
    ] {
        assert_eq!(form(text).unwrap_err().code(), code, "{text}");
    }
}

#[test]
fn several_lines_are_read_one_by_one() {
    let text = format!("{ENVELOPE}\n\n{{\"mediaType\":\"made up\"}}\r\n{ENVELOPE}");
    let document = Document::parse(text.as_bytes()).unwrap();
    assert_eq!(document.form, Form::Lines);
    let read: Vec<_> = document
        .attestations
        .iter()
        .map(|one| (one.place.as_deref().unwrap(), one.bundle.is_ok()))
        .collect();
    assert_eq!(
        read,
        [("line 1", true), ("line 3", false), ("line 4", true)]
    );
    // A bundle printed over many lines is one document, and so is a single line.
    assert_eq!(form(&ENVELOPE.replace(',', ",\n")), Ok(Form::Envelope));
    assert_eq!(form(ENVELOPE), Ok(Form::Envelope));
    assert_eq!(form(&format!("[{ENVELOPE}]")), Ok(Form::List));
}

#[test]
fn attestations_are_counted_and_bytes_too() {
    let many = |count: usize| vec![ENVELOPE; count];
    assert_eq!(form(&many(256).join("\n")), Ok(Form::Lines));
    for text in [many(257).join("\n"), format!("[{}]", many(257).join(","))] {
        assert_eq!(form(&text).unwrap_err().code(), "SH-BUNDLE-LIMIT");
    }
    let large = " ".repeat(MAX_BUNDLE_BYTES + 1);
    assert_eq!(form(&large).unwrap_err().code(), "SH-BUNDLE-LIMIT");
}

/// npm names a key by its fingerprint as an SSH key (RFC 4253, section 6.6, and RFC 5656).
#[test]
fn the_keys_of_the_public_npm_registry() {
    let keys: serde_json::Value = serde_json::from_str(NPM_KEYS).unwrap();
    for key in keys["keys"].as_array().unwrap() {
        let spki = STANDARD
            .decode(key["publicKey"]["rawBytes"].as_str().unwrap())
            .unwrap();
        let point = &spki[spki.len() - 65..];
        let mut ssh = Vec::new();
        for part in [b"ecdsa-sha2-nistp256".as_slice(), b"nistp256", point] {
            ssh.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
            ssh.extend_from_slice(part);
        }
        let id = STANDARD.encode(signhere_pki::digest::sha256(&ssh));
        assert_eq!(key["keyId"], format!("SHA256:{}", id.trim_end_matches('=')));
    }
    assert!(RegistryKeys::parse(NPM_KEYS.as_bytes()).is_ok());
}

#[test]
fn keys_as_a_registry_serves_them() {
    let keys: serde_json::Value = serde_json::from_str(NPM_KEYS).unwrap();
    let raw = keys["keys"][0]["publicKey"]["rawBytes"].as_str().unwrap();
    let served = |expires: &str| {
        format!(
            r#"{{"keys":[{{"expires":{expires},"keyid":"SHA256:a","keytype":"ecdsa-sha2-nistp256","scheme":"ecdsa-sha2-nistp256","key":"{raw}"}}]}}"#
        )
    };
    assert!(RegistryKeys::parse(served("null").as_bytes()).is_ok());
    assert!(RegistryKeys::parse(served("\"2025-01-29T00:00:00.000Z\"").as_bytes()).is_ok());
    let path = "keys[0].expires".to_owned();
    let expected = "an RFC 3339 date";
    let error = RegistryKeysError::Json(JsonError::Value { path, expected });
    assert_eq!(
        RegistryKeys::parse(served("\"soon\"").as_bytes()).unwrap_err(),
        error
    );
    // A key for something else is none for attestations.
    let other = NPM_KEYS.replace("npm:attestations", "npm:signatures");
    assert_eq!(
        RegistryKeys::parse(other.as_bytes()).unwrap_err(),
        RegistryKeysError::NoKey
    );
    // One without a beginning has been valid since nobody knows when.
    let open = NPM_KEYS.replace("\"start\"", "\"begin\"");
    let path = "keys[0].publicKey.validFor.start".to_owned();
    assert_eq!(
        RegistryKeys::parse(open.as_bytes()).unwrap_err(),
        RegistryKeysError::Json(JsonError::Missing { path })
    );
    assert!(Time::parse_rfc3339("2025-01-29T00:00:00.000Z").is_ok());
}

#[test]
fn names_of_distributions() {
    for (subject, file) in [
        ("a-1.0.tar.gz", "a-1.0.tar.gz"),
        ("A.b__c-1.0.tar.gz", "a_B-c-1.0.tar.gz"),
        ("a_b-1.0-py3-none-any.whl", "A.B-1.0-py3-none-any.whl"),
        (
            "a-1.0-1-py2.py3-none-any.whl",
            "a-1.0-1-py3.py2-none-any.whl",
        ),
        ("whatever", "whatever"),
    ] {
        assert!(is_same_file(subject, file), "{subject} {file}");
    }
    for (subject, file) in [
        ("a-1.0.tar.gz", "a-1.0.zip"),
        ("a-1.0.tar.gz", "a-1.0.1.tar.gz"),
        ("a-1.0.tar.gz", "b-1.0.tar.gz"),
        ("a-1.0-py3-none-any.whl", "a-1.0.tar.gz"),
        ("a-1.0-py3-none-any.whl", "a-1.0-py3-none-linux.whl"),
        ("a-1.0-1-py3-none-any.whl", "a-1.0-py3-none-any.whl"),
        ("a-1.0-py3-none-any.whl", "dir/a-1.0-py3-none-any.whl"),
        ("whatever", "Whatever"),
        ("a.whl", "A.whl"),
    ] {
        assert!(!is_same_file(subject, file), "{subject} {file}");
    }
}
