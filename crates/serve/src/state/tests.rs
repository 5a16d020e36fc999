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
    assert_eq!(folder.keys(), Ok(None));
    let (keys, ()) = folder.make_keys(make_one_key).unwrap();
    assert_eq!(fs::read(keys.join("key")).unwrap(), b"key");
    assert_eq!(folder.keys(), Ok(Some(keys)));
    let expected = ServeError::AlreadyMade {
        path: folder.root().to_path_buf(),
    };
    let again = folder.make_keys(|_| -> Result<(), _> { panic!("made twice") });
    assert_eq!(again, Err(expected));
}

#[test]
fn keys_half_made_are_thrown_away() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let folder = StateFolder::take(&root).unwrap();
    let cause = ServeError::make("a key", &"no randomness");
    let failed = folder.make_keys(|path| {
        write_durably(&path.join("half"), b"half", SECRET)?;
        write_durably(&root.join("instance.toml"), b"half", SECRET)?;
        folder.service("tuf")?;
        Err::<(), _>(cause)
    });
    assert_eq!(
        failed.unwrap_err(),
        ServeError::make("a key", &"no randomness")
    );
    assert_eq!(folder.keys(), Ok(None));

    let (keys, ()) = folder.make_keys(make_one_key).unwrap();
    assert!(!keys.join("half").exists());
    assert!(!root.join("instance.toml").exists());
    assert!(!root.join("tuf").exists());
    assert!(!root.join("keys.new").exists());
}

#[test]
fn a_log_without_its_keys_gets_no_new_ones() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let folder = StateFolder::take(&root).unwrap();
    folder.service("log-1").unwrap();
    let expected = ServeError::KeysMissing {
        path: root,
        found: "log-1".to_owned(),
    };
    assert_eq!(folder.make_keys(make_one_key).unwrap_err(), expected);
}

#[test]
fn a_configuration_that_somebody_wrote_is_left_alone() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let folder = StateFolder::take(&root).unwrap();
    fs::write(root.join("instance.toml"), "").unwrap();
    let expected = ServeError::NotAnInstance {
        path: root.clone(),
        found: "instance.toml".to_owned(),
    };
    assert_eq!(folder.make_keys(make_one_key).unwrap_err(), expected);
    assert!(root.join("instance.toml").exists());
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
    assert_eq!(folder.make_keys(make_one_key).unwrap_err(), expected);
    assert!(!root.join("keys.new").exists());
}

#[test]
fn the_folder_of_version_1_is_refused() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state");
    let folder = StateFolder::take(&root).unwrap();
    folder.service("identity").unwrap();
    let expected = ServeError::StateVersion {
        path: root.join("identity"),
        found: 1,
        expected: 2,
    };
    assert_eq!(folder.keys(), Err(expected));
}
