//! NEUTRAL: the same bundle in another spelling, as a canonical proto3 JSON parser has to accept it.

use serde_json::{Map, Value, json};
use signhere_testkit::forge::{Forge, Kind, RootVersion};

use crate::KINDS;
use crate::forge::Verifiers;
use crate::mutate::{is_bytes, is_integer, snake_case};

#[test]
fn other_spellings_of_the_same_bundle_are_accepted() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    for kind in KINDS {
        let forged = forge.bundle(kind);
        let valid = verifiers.verify(&forged);
        for (what, text) in spellings(&forged.json) {
            let verdict = verifiers.verify_bytes(&forged, text.as_bytes());
            assert_eq!(verdict, valid, "{kind}: {what}");
        }
    }
}

/// Unknown fields change nothing but are named.
#[test]
fn unknown_fields_are_ignored_and_named() {
    let forge = Forge::new();
    let verifiers = Verifiers::of(&forge, RootVersion::V0_1);
    let forged = forge.bundle(Kind::PLAIN);
    let valid = verifiers.verify(&forged);
    for (pointer, path) in [
        ("", "extra"),
        ("/verificationMaterial", "verificationMaterial.extra"),
        (
            "/verificationMaterial/certificate",
            "verificationMaterial.certificate.extra",
        ),
        (
            "/verificationMaterial/tlogEntries/0/inclusionProof",
            "verificationMaterial.tlogEntries[0].inclusionProof.extra",
        ),
        (
            "/messageSignature/messageDigest",
            "messageSignature.messageDigest.extra",
        ),
    ] {
        let mut json = forged.json.clone();
        json.pointer_mut(pointer).unwrap()["extra"] = json!({ "of": ["any", "sort"] });
        let verdict = verifiers.verify_bytes(&forged, json.to_string().as_bytes());
        assert_eq!(verdict.failure, None, "{pointer}");
        assert_eq!(verdict.steps, valid.steps, "{pointer}");
        assert_eq!(verdict.unknown_fields, [path]);
    }
}

fn spellings(bundle: &Value) -> Vec<(&'static str, String)> {
    let text = |spelled: Value| spelled.to_string();
    vec![
        ("white space", serde_json::to_string_pretty(bundle).unwrap()),
        (
            "names in snake_case",
            text(respell(bundle, "", &|_, value| value, true)),
        ),
        (
            "base64url",
            text(respell(
                bundle,
                "",
                &|path, value| bytes(path, value, |text| text.replace('+', "-").replace('/', "_")),
                false,
            )),
        ),
        (
            "base64 without padding",
            text(respell(
                bundle,
                "",
                &|path, value| bytes(path, value, |text| text.trim_end_matches('=').to_owned()),
                false,
            )),
        ),
        (
            "integers as numbers",
            text(respell(
                bundle,
                "",
                &|path, value| match &value {
                    Value::String(text) if is_integer(path) => json!(text.parse::<i64>().unwrap()),
                    _ => value,
                },
                false,
            )),
        ),
        (
            "hash algorithm by number",
            text(respell(
                bundle,
                "",
                &|path, value| match value {
                    Value::String(name) if path.ends_with("/algorithm") && name == "SHA2_256" => {
                        json!(1)
                    }
                    value => value,
                },
                false,
            )),
        ),
        ("null for what is absent", {
            let mut spelled = bundle.clone();
            spelled["verificationMaterial"]["tlogEntries"][0]["absent"] = Value::Null;
            text(spelled).replace("\"absent\"", "\"inclusionPromise\"")
        }),
        (
            "escaped characters",
            text(bundle.clone()).replace("mediaType", "media\\u0054ype"),
        ),
    ]
    .into_iter()
    .filter(|(what, _)| {
        *what != "null for what is absent"
            || bundle
                .pointer("/verificationMaterial/tlogEntries/0/inclusionPromise")
                .is_none()
    })
    .collect()
}

fn bytes(path: &str, value: Value, spell: fn(&str) -> String) -> Value {
    match &value {
        Value::String(text) if is_bytes(path) => spell(text).into(),
        _ => value,
    }
}

/// The bundle with every value passed through `spell`, and names in the other spelling if asked.
fn respell(node: &Value, path: &str, spell: &dyn Fn(&str, Value) -> Value, snake: bool) -> Value {
    match node {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| {
                    let member = respell(member, &format!("{path}/{name}"), spell, snake);
                    let name = if snake {
                        snake_case(name)
                    } else {
                        name.clone()
                    };
                    (name, member)
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(elements) => elements
            .iter()
            .map(|element| respell(element, path, spell, snake))
            .collect(),
        value => spell(path, value.clone()),
    }
}
