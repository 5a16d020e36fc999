//! One change to a bundle: to the bytes in a base64 field, a number, a text, the structure, or the JSON itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A changed bundle.
pub(crate) struct Mutant {
    /// Where, and what was changed.
    pub(crate) what: String,
    pub(crate) json: Vec<u8>,
}

/// Fields that hold bytes.
const BYTES: [&str; 11] = [
    "rawBytes",
    "keyId",
    "signedEntryTimestamp",
    "rootHash",
    "hashes",
    "canonicalizedBody",
    "signedTimestamp",
    "digest",
    "signature",
    "payload",
    "sig",
];

/// Fields that hold 64-bit integers.
const INTEGERS: [&str; 3] = ["logIndex", "treeSize", "integratedTime"];

/// Stands for a name until the text is written: an object cannot hold one name twice.
const SAME_NAME: &str = "the same name";

/// Every change of every class to every node; `random` picks below its argument the places that are neither first
/// nor last.
pub(crate) fn every_node(bundle: &Value, random: &mut dyn FnMut(usize) -> usize) -> Vec<Mutant> {
    let mut pointers = Vec::new();
    collect(bundle, String::new(), &mut pointers);
    let mut mutants = Vec::new();
    for pointer in &pointers {
        let node = bundle.pointer(pointer).unwrap();
        for (what, new) in replacements(pointer, node, random) {
            let mut changed = bundle.clone();
            *changed.pointer_mut(pointer).unwrap() = new;
            mutants.push(mutant(pointer, &what, &changed.to_string()));
        }
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        match bundle.pointer(parent) {
            Some(Value::Object(_)) if !pointer.is_empty() => {
                members(bundle, parent, name, &mut mutants)
            }
            Some(Value::Array(_)) => elements(bundle, parent, name, &mut mutants),
            _ => {}
        }
    }
    mutants
}

/// The last name on the way to a node.
pub(crate) fn field(pointer: &str) -> &str {
    pointer
        .rsplit('/')
        .find(|part| part.parse::<usize>().is_err())
        .unwrap_or_default()
}

pub(crate) fn is_bytes(pointer: &str) -> bool {
    // The member of a bundle, not that of an envelope, is an object.
    BYTES.contains(&field(pointer))
}

pub(crate) fn is_integer(pointer: &str) -> bool {
    INTEGERS.contains(&field(pointer))
}

fn collect(node: &Value, at: String, pointers: &mut Vec<String>) {
    pointers.push(at.clone());
    match node {
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, format!("{at}/{name}"), pointers);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                collect(element, format!("{at}/{index}"), pointers);
            }
        }
        _ => {}
    }
}

fn replacements(
    pointer: &str,
    node: &Value,
    random: &mut dyn FnMut(usize) -> usize,
) -> Vec<(String, Value)> {
    let mut all = vec![
        ("becomes null".to_owned(), Value::Null),
        ("becomes true".to_owned(), json!(true)),
        ("becomes 7".to_owned(), json!(7)),
        ("becomes an empty text".to_owned(), json!("")),
        ("becomes an empty object".to_owned(), json!({})),
        ("becomes an empty array".to_owned(), json!([])),
        ("is wrapped in an array".to_owned(), json!([node])),
        (
            "is wrapped in an object".to_owned(),
            json!({ field(pointer): node }),
        ),
    ];
    let Value::String(text) = node else {
        return all;
    };
    if is_integer(pointer) {
        let value: i64 = text.parse().unwrap();
        for (what, new) in [
            ("plus one", value + 1),
            ("minus one", value - 1),
            ("negated", -value),
            ("at 2^32 more", value + (1 << 32)),
            ("at its largest", i64::MAX),
            ("at its smallest", i64::MIN),
        ] {
            all.push((what.to_owned(), json!(new.to_string())));
        }
        all.push(("past its range".to_owned(), json!("9223372036854775808")));
        all.push(("with a fraction".to_owned(), json!(format!("{text}.5"))));
    } else if is_bytes(pointer) {
        let bytes = STANDARD.decode(text).unwrap();
        for (what, new) in bytes_changed(&bytes, random) {
            all.push((what, json!(STANDARD.encode(new))));
        }
    } else {
        for (what, new) in bytes_changed(text.as_bytes(), random) {
            if let Ok(new) = String::from_utf8(new) {
                all.push((what, json!(new)));
            }
        }
        all.push(("in capitals".to_owned(), json!(text.to_uppercase())));
    }
    all.retain(|(_, new)| new != node);
    all
}

fn bytes_changed(bytes: &[u8], random: &mut dyn FnMut(usize) -> usize) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let Some(last) = bytes.len().checked_sub(1) else {
        return all;
    };
    let mut places = vec![0, last, last / 2];
    places.extend((0..6).map(|_| random(bytes.len())));
    places.dedup();
    for at in places {
        let mut with = |what: &str, new: u8| {
            let mut changed = bytes.to_vec();
            changed[at] = new;
            all.push((format!("byte {at} {what}"), changed));
        };
        with("flipped", bytes[at] ^ 1);
        with("flipped high", bytes[at] ^ 0x40);
        with("zeroed", 0);
    }
    all.push(("without its first byte".to_owned(), bytes[1..].to_vec()));
    all.push(("without its last byte".to_owned(), bytes[..last].to_vec()));
    all.push(("halved".to_owned(), bytes[..bytes.len() / 2].to_vec()));
    all.push(("with a zero after".to_owned(), [bytes, &[0]].concat()));
    all.push(("with a zero before".to_owned(), [&[0], bytes].concat()));
    all.push(("with a letter after".to_owned(), [bytes, b"x"].concat()));
    all.push(("twice".to_owned(), [bytes, bytes].concat()));
    all
}

fn members(bundle: &Value, parent: &str, name: &str, mutants: &mut Vec<Mutant>) {
    let mut change = |what: &str, new_name: Option<&str>, keep: bool| {
        let mut changed = bundle.clone();
        let object = changed
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap();
        let member = if keep {
            object.get(name).cloned().unwrap()
        } else {
            object.remove(name).unwrap()
        };
        if let Some(new_name) = new_name {
            object.insert(new_name.to_owned(), member);
        }
        let text = changed.to_string().replace(SAME_NAME, name);
        mutants.push(mutant(&format!("{parent}/{name}"), what, &text));
    };
    change("removed", None, false);
    change("renamed", Some(&format!("{name}X")), false);
    change("given twice", Some(SAME_NAME), true);
    let snake = snake_case(name);
    if snake != name {
        change("given in both spellings", Some(&snake), true);
    }
}

fn elements(bundle: &Value, parent: &str, index: &str, mutants: &mut Vec<Mutant>) {
    let index: usize = index.parse().unwrap();
    let mut change = |what: &str, with: &dyn Fn(&mut Vec<Value>)| {
        let mut changed = bundle.clone();
        let list = changed.pointer_mut(parent).unwrap().as_array_mut().unwrap();
        let before = list.clone();
        with(list);
        if *list != before {
            mutants.push(mutant(
                &format!("{parent}/{index}"),
                what,
                &changed.to_string(),
            ));
        }
    };
    change("removed", &|list| drop(list.remove(index)));
    change("given twice", &|list| {
        list.insert(index, list[index].clone())
    });
    change("moved to the front", &|list| list[..=index].rotate_right(1));
}

fn mutant(pointer: &str, what: &str, json: &str) -> Mutant {
    Mutant {
        what: format!("{pointer} {what}"),
        json: json.as_bytes().to_vec(),
    }
}

/// The other spelling of a name in ProtoJSON.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
