use proptest::prelude::*;

use super::*;

const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const PARENT: &str = "00000000000000000000000000000000000000ff";
const LONG: &str = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";
const ADA: &str = "Ada Lovelace <ada@example.org> 1700000000 +0100";
const ARMOR: &str = "-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n";

fn commit(headers: &str, message: &str) -> String {
    format!("tree {TREE}\nparent {PARENT}\nauthor {ADA}\ncommitter {ADA}\n{headers}\n{message}")
}

fn folded(name: &str, value: &str) -> String {
    format!(
        "{name} {}\n",
        value.trim_end_matches('\n').replace('\n', "\n ")
    )
}

fn tag(headers: &str, message: &str) -> String {
    format!("object {PARENT}\ntype commit\ntag v1.0\ntagger {ADA}\n{headers}\n{message}")
}

fn parsed(text: &str) -> Object {
    Object::parse_any(text.as_bytes()).unwrap()
}

fn refused(text: &str) -> ObjectError {
    Object::parse_any(text.as_bytes()).unwrap_err()
}

#[test]
fn a_commit_is_signed_without_its_signature_headers() {
    let text = commit(
        &format!(
            "encoding UTF-8\n{}{}HG:extra a\n",
            folded("gpgsig", ARMOR),
            folded("gpgsig-sha256", "another\nform\n")
        ),
        "first\r\n\nsecond, without an end",
    );
    let object = parsed(&text);
    let expected = commit(
        "encoding UTF-8\nHG:extra a\n",
        "first\r\n\nsecond, without an end",
    );
    assert_eq!(object.payload(), expected.as_bytes());
    assert_eq!(object.own_signature(), Some(ARMOR.as_bytes()));
    let other = object.signature(ObjectFormat::Sha256);
    assert_eq!(other, Some("another\nform\n".as_bytes()));
    assert_eq!(object.message(), b"first\r\n\nsecond, without an end");
    assert_eq!(object.bytes(), text.as_bytes());
    assert_eq!(object.tree(), Some(&TREE.parse().unwrap()));
    assert_eq!(object.parents(), [PARENT.parse().unwrap()]);
    let ada = Person {
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.org".to_owned(),
        time: 1_700_000_000,
    };
    assert_eq!(object.author(), Some(&ada));
    assert_eq!(object.committer(), Some(&ada));
    assert_eq!(object.target(), None);
}

#[test]
fn a_tag_is_signed_up_to_its_last_armor() {
    let message = format!("v1.0\n\n{ARMOR}quoted above\n");
    let other = folded("gpgsig-sha256", "another\n");
    let text = tag(&other, &format!("{message}{ARMOR}"));
    let object = parsed(&text);
    assert_eq!(object.kind(), ObjectKind::Tag);
    assert_eq!(object.payload(), tag("", &message).as_bytes());
    assert_eq!(object.own_signature(), Some(ARMOR.as_bytes()));
    let other = object.signature(ObjectFormat::Sha256);
    assert_eq!(other, Some("another\n".as_bytes()));
    assert_eq!(object.message(), message.as_bytes());
    let target = PARENT.parse().unwrap();
    assert_eq!(object.target(), Some((ObjectKind::Commit, &target)));
    assert_eq!(object.tag_name(), Some("v1.0"));

    // Not at the start of a line, and thus no signature.
    let unsigned = tag("", &format!("v1.0 {ARMOR}"));
    assert_eq!(parsed(&unsigned).own_signature(), None);
    assert_eq!(parsed(&unsigned).payload(), unsigned.as_bytes());
}

#[test]
fn what_a_merge_embeds_stays_signed_and_is_an_object_of_its_own() {
    let inner = tag("", &format!("v1.0\n\n  indented\n{ARMOR}"));
    let mergetag = folded("mergetag", &inner);
    let object = parsed(&commit(
        &format!("{mergetag}{}", folded("gpgsig", ARMOR)),
        "merge\n",
    ));
    assert_eq!(object.payload(), commit(&mergetag, "merge\n").as_bytes());
    assert_eq!(object.mergetags(), [inner.as_bytes()]);
    assert_eq!(parsed(&inner).own_signature(), Some(ARMOR.as_bytes()));

    let many = mergetag.repeat(MAX_MERGETAGS);
    assert_eq!(parsed(&commit(&many, "")).mergetags().len(), MAX_MERGETAGS);
    let more = format!("{many}{mergetag}");
    assert_eq!(refused(&commit(&more, "")), ObjectError::TooManyMergetags);
}

#[test]
fn names_are_the_ones_that_git_gives() {
    // git hash-object -t tree /dev/null, in both formats; git's own empty blob.
    let id = |format, kind| ObjectId::of(format, kind, b"").to_string();
    assert_eq!(id(ObjectFormat::Sha1, ObjectKind::Tree), TREE);
    assert_eq!(id(ObjectFormat::Sha256, ObjectKind::Tree), LONG);
    assert_eq!(
        id(ObjectFormat::Sha1, ObjectKind::Blob),
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    );
    let text = commit("", "m\n");
    let loose = format!("commit {}\0{text}", text.len());
    assert_eq!(parsed(&loose), parsed(&text));
    assert_eq!(parsed(&text).id().format(), ObjectFormat::Sha1);
    let text = format!("tree {LONG}\nauthor {ADA}\ncommitter {ADA}\n\nm\n");
    assert_eq!(parsed(&text).id().format(), ObjectFormat::Sha256);
    for text in [
        "",
        "00",
        &TREE.to_uppercase(),
        &format!("{TREE}0"),
        &"g".repeat(40),
    ] {
        assert_eq!(text.parse::<ObjectId>(), Err(ObjectIdError), "{text}");
    }
    assert!(ObjectId::zero(ObjectFormat::Sha1).is_zero());
}

#[test]
fn a_header_twice_or_elsewhere_is_refused() {
    let misplaced = |name: &str| ObjectError::Misplaced {
        name: name.to_owned(),
    };
    for name in ["tree", "parent", "author", "committer"] {
        let text = commit(&format!("{name} {TREE}\n"), "");
        assert_eq!(refused(&text), misplaced(name));
    }
    for name in ["encoding", "gpgsig", "gpgsig-sha256"] {
        let text = commit(&format!("{name} a\nother b\n{name} a\n"), "");
        assert_eq!(refused(&text), misplaced(name));
    }
    for name in ["object", "type", "tag", "tagger", "gpgsig"] {
        assert_eq!(refused(&tag(&format!("{name} a\n"), "")), misplaced(name));
    }
    let two_trees = format!("tree {TREE}\ntree {TREE}\nauthor {ADA}\ncommitter {ADA}\n\n");
    assert_eq!(refused(&two_trees), ObjectError::Missing { name: "author" });
    let swapped = format!("tree {TREE}\ncommitter {ADA}\nauthor {ADA}\n\n");
    assert_eq!(refused(&swapped), ObjectError::Missing { name: "author" });
    let nobody = format!("tree {TREE}\nauthor {ADA}\n\n");
    assert_eq!(refused(&nobody), ObjectError::Missing { name: "committer" });
}

#[test]
fn a_header_out_of_form_is_refused() {
    let start = commit("", "").len() - 1;
    let line = ObjectError::Line { at: start };
    for header in [
        "nospace\n",
        "-----BEGIN SIGNED MESSAGE-----\n",
        "gpgsigx a\n",
        "a\0 b\n",
        "a b\0\n",
    ] {
        assert_eq!(refused(&commit(header, "")), line, "{header:?}");
    }
    assert_eq!(
        refused(&format!("tree {TREE}")),
        ObjectError::Unended { at: 0 }
    );
    assert_eq!(refused("object\n"), ObjectError::Unknown);
    assert_eq!(
        refused(&commit(&"a b\n".repeat(MAX_HEADERS), "")),
        ObjectError::TooManyHeaders
    );
    let value = |name: &str| ObjectError::Value {
        name: name.to_owned(),
    };
    assert_eq!(
        refused(&format!("tree {TREE}\n x\nauthor a\n")),
        value("tree")
    );
    assert_eq!(
        refused(&format!("tree {TREE}\r\nauthor a\n")),
        value("tree")
    );
    let mixed = format!("tree {TREE}\nparent {LONG}\nauthor {ADA}\ncommitter {ADA}\n\n");
    assert_eq!(
        refused(&mixed),
        ObjectError::Formats {
            expected: ObjectFormat::Sha1,
            found: LONG.parse().unwrap(),
        }
    );
    for person in [
        "Ada",
        "Ada <ada@example.org>",
        "Ada <ada@example.org> 1 +0000 ",
        "Ada <ada@example.org> 1 +0000\r",
        "Ada <ada@example.org> <eve@example.org> 1 +0000",
        "Ada > <ada@example.org> 1 +0000",
        "Ada <<ada@example.org> 1 +0000",
        "Ada <ada@example.org> 99999999999999999999 +0000",
        "Ada <ada@example.org> +1 +0000",
        "Ada <ada@example.org> - +0000",
    ] {
        let text = format!("tree {TREE}\nauthor {person}\ncommitter {ADA}\n\n");
        assert_eq!(refused(&text), value("author"), "{person:?}");
    }
}

#[test]
fn objects_of_other_kinds_and_lengths_are_refused() {
    let kind = |found| ObjectError::Kind { found };
    assert_eq!(refused("tree 3\0abc"), kind(ObjectKind::Tree));
    assert_eq!(refused("blob 3\0abc"), kind(ObjectKind::Blob));
    assert_eq!(refused("thing 3\0abc"), ObjectError::Unknown);
    assert_eq!(refused(""), ObjectError::Unknown);
    assert_eq!(
        refused("commit 4\0abc"),
        ObjectError::Length {
            expected: "4".to_owned(),
            found: 3,
        }
    );
    assert_eq!(
        Object::parse(ObjectKind::Commit, vec![b' '; MAX_OBJECT_LEN + 1]),
        Err(ObjectError::TooLong {
            found: MAX_OBJECT_LEN + 1,
            max: MAX_OBJECT_LEN,
        })
    );
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Object::parse_any(&bytes);
        let _ = Object::parse(ObjectKind::Commit, bytes.clone());
        let _ = Object::parse(ObjectKind::Tag, bytes);
    }

    #[test]
    fn whatever_is_signed_comes_back_as_it_went_in(
        message in "(?s).{0,80}", armor in "[A-Za-z ]{1,20}(\n[a-z ]{0,20}){0,5}", first in any::<bool>(),
    ) {
        let extra = "x-note a\n b\n";
        let signature = folded("gpgsig", &armor);
        let headers = if first { format!("{signature}{extra}") } else { format!("{extra}{signature}") };
        let object = parsed(&commit(&headers, &message));
        let expected = commit(extra, &message);
        prop_assert_eq!(object.payload(), expected.as_bytes());
        let armor = armor.trim_end_matches('\n');
        let armor = format!("{armor}\n");
        prop_assert_eq!(object.own_signature(), Some(armor.as_bytes()));
    }
}
