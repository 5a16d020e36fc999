//! The documents that list the twins.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Twin;

/// A twin with both verdicts.
#[derive(Clone)]
pub(crate) struct Row {
    name: &'static str,
    what: &'static str,
    ours: &'static str,
    theirs: &'static str,
    is_accepted: bool,
    differs: bool,
}

impl Row {
    pub(crate) fn new(twin: &Twin, accepted_by_them: bool) -> Self {
        let is_accepted = twin.expected.is_empty();
        Self {
            name: twin.name,
            what: twin.what,
            ours: if is_accepted {
                "accepts"
            } else {
                twin.expected
            },
            theirs: if accepted_by_them {
                "accepts"
            } else {
                "refuses"
            },
            is_accepted,
            differs: is_accepted != accepted_by_them,
        }
    }

    fn line(&self) -> String {
        let Self {
            name, what, ours, ..
        } = self;
        format!("| `{name}` | {what} | {ours} | {} |\n", self.theirs)
    }
}

const HEAD: &str = "# One change at a time

Each row is a valid bundle with one thing changed, or verified with one thing changed; whatever is signed is signed over
the change. The table is made by `WRITE_TWINS=1 cargo test -p signhere-verify --test twins`, and that test without the
variable fails when a row is not what happens. Where the last two columns differ, `differential.md` says why ours is right.

| twin | what changes | signhere | sigstore-verify |
|---|---|---|---|
";

pub(crate) fn check_table(rows: &[Row]) {
    let lines: String = rows.iter().map(Row::line).collect();
    let expected = format!("{HEAD}{lines}");
    if std::env::var_os("WRITE_TWINS").is_some() {
        fs::write(page("twins.md"), &expected).unwrap();
    }
    let found = fs::read_to_string(page("twins.md")).unwrap();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "docs/design/twins.md");
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// Every difference has a line with a reason, and every such line is a difference.
pub(crate) fn check_reasons(rows: &[Row]) {
    let page = fs::read_to_string(page("differential.md")).unwrap();
    let listed = reasons(&page);
    let mut differences = BTreeMap::new();
    for row in rows.iter().filter(|row| row.differs) {
        let ours = if row.is_accepted {
            "accepts"
        } else {
            "refuses"
        };
        differences.insert(row.name, ours);
    }
    for (name, ours) in &differences {
        assert_eq!(
            listed.get(*name),
            Some(ours),
            "{name}: ours in differential.md"
        );
    }
    for name in listed.keys() {
        assert!(
            differences.contains_key(name.as_str()),
            "{name}: no difference any more"
        );
    }
}

/// The lines `| names | ours | why |` under the heading of the twins.
fn reasons(page: &str) -> BTreeMap<String, &str> {
    let (_, section) = page.split_once("\n## Twins\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut reasons = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [names, ours, why] = cells.as_slice() else {
            panic!("three cells: {line}");
        };
        assert!(why.len() > 20, "a reason: {line}");
        for name in names.split(", ") {
            let twice = reasons.insert(name.trim_matches('`').to_owned(), *ours);
            assert_eq!(twice, None, "{name}");
        }
    }
    reasons
}

fn page(name: &str) -> PathBuf {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/design");
    docs.join(name)
}
