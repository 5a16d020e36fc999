//! The TUF client against a repository that does what the specification 1.0.34 warns of, one row a case: what
//! the repository does, what comes of an update, and which versions the client's folder holds after it.

#![allow(
    clippy::unwrap_used,
    reason = "what a case cannot prepare must fail the test"
)]

#[path = "tuf_client/world.rs"]
mod world;

#[path = "tuf_client/delegations.rs"]
mod delegations;
#[path = "tuf_client/keys.rs"]
mod keys;
#[path = "tuf_client/updates.rs"]
mod updates;

use world::World;

/// One case: after `prepare`, an update with this outcome and this left in the folder.
pub(crate) struct Row {
    name: &'static str,
    prepare: fn(&mut World),
    /// The roles that describe what is wanted, or the error.
    outcome: &'static str,
    holds: &'static str,
}

pub(crate) const fn row(
    name: &'static str,
    prepare: fn(&mut World),
    outcome: &'static str,
    holds: &'static str,
) -> Row {
    Row {
        name,
        prepare,
        outcome,
        holds,
    }
}

/// Runs the rows, each in a world of its own; tells every one that differs.
pub(crate) fn run(rows: &[Row], world: fn() -> World) {
    let mut differences = Vec::new();
    for row in rows {
        let mut world = world();
        (row.prepare)(&mut world);
        let outcome = match world.client.update(&world.repository) {
            Ok(roles) => roles.join(" "),
            Err(error) => without_ids(&error.to_string()),
        };
        let holds = world.client.holds();
        if outcome != row.outcome || holds != row.holds {
            differences.push(format!(
                "{}\n  outcome  {outcome}\n  expected {}\n  holds    {holds}\n  expected {}",
                row.name, row.outcome, row.holds
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Keys are made anew each time, and their ids with them.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split(' ');
    let words = words.map(|word| if is_id(word) { "KEYID" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
