use std::fs;
use std::path::Path;

use super::StateFolder;
use super::files::{SECRET, write_durably};
use crate::error::ServeError;
use crate::quiet::nothing_starts;

fn make_one_key(dir: &Path) -> Result<(), ServeError> {
    write_durably(&dir.join("key"), b"key", SECRET)
}

#[test]
fn a_folder_has_one_holder() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let held = StateFolder::take(&root).unwrap();
    assert_eq!(
        StateFolder::take(&root).unwrap_err(),
        ServeError::InUse { path: root.clone() }
    );
    drop(held);
    StateFolder::take(&root).unwrap();
}

#[test]
fn keys_are_made_once() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let folder = StateFolder::take(&dir.path().join("state")).unwrap();
    let identity = folder.identity(make_one_key).unwrap();
    assert_eq!(fs::read(identity.join("key")).unwrap(), b"key");
    let again = folder.identity(|_| panic!("made twice")).unwrap();
    assert_eq!(again, identity);
}

#[test]
fn keys_half_made_are_thrown_away() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let folder = StateFolder::take(&root).unwrap();
    let cause = ServeError::make("a key", &"no randomness");
    let failed = folder.identity(|path| {
        write_durably(&path.join("half"), b"half", SECRET)?;
        Err(cause)
    });
    assert_eq!(
        failed.unwrap_err(),
        ServeError::make("a key", &"no randomness")
    );
    assert!(!root.join("identity").exists());

    let identity = folder.identity(make_one_key).unwrap();
    assert!(!identity.join("half").exists());
    assert!(!root.join("identity.new").exists());
}

#[test]
fn a_log_without_its_keys_gets_no_new_ones() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let folder = StateFolder::take(&root).unwrap();
    folder.service("log").unwrap();
    let expected = ServeError::KeysMissing {
        path: root,
        found: "log".to_owned(),
    };
    assert_eq!(folder.identity(make_one_key).unwrap_err(), expected);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let folder = StateFolder::take(&root).unwrap();
    fs::write(root.join("thesis.tex"), "chapter 1").unwrap();
    let expected = ServeError::NotAnInstance {
        path: root.clone(),
        found: "thesis.tex".to_owned(),
    };
    assert_eq!(folder.identity(make_one_key).unwrap_err(), expected);
    assert!(!root.join("identity.new").exists());
}
