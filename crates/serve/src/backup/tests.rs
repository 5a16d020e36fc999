//! Copies of folders that a test has made; copies of running instances are in `tests/backup.rs`.

use std::os::unix::fs::PermissionsExt as _;

use signhere_pki::random::SystemRandom;
use signhere_testkit::clock::FakeClock;

use super::*;
use crate::status::sample::{NOW, Sample};

/// A folder as an instance's, around the log of a sample.
fn instance(sample: &Sample) -> PathBuf {
    let dir = sample.dir.path().to_path_buf();
    let keys = dir.join("keys");
    ensure_private_dir(&keys).unwrap();
    Manifest::new("sample", None, NOW, &SystemRandom)
        .unwrap()
        .save(&keys)
        .unwrap();
    fs::write(dir.join("instance.toml"), b"listen = \"127.0.0.1:3003\"\n").unwrap();
    fs::write(dir.join("lock"), b"").unwrap();
    assert!(dir.join("high-water/log-1").is_file());
    fs::write(dir.join("log-1/digests.sqlite"), b"a cache").unwrap();
    fs::create_dir_all(dir.join("tuf/repository")).unwrap();
    fs::write(dir.join("tuf/repository/timestamp.json"), b"{}").unwrap();
    dir
}

fn backup(dir: &Path, to: &Path) -> Result<Summary, BackupError> {
    run(dir, to, &FakeClock::at(NOW), &mut |_| {})
}

#[test]
fn a_copy_has_all_that_must_be_put_back_and_nothing_that_must_not() {
    let mut sample = Sample::new();
    sample.log_all(&[b"a".as_slice(); 600]);
    let dir = instance(&sample);
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("copy");
    let mut seen = Vec::new();
    let made = run(&dir, &to, &FakeClock::at(NOW), &mut |progress| {
        seen.push(progress.done)
    })
    .unwrap();
    assert_eq!(seen, [0, 256, 512, 600]);
    assert_eq!(made.logs[0].size, 600);
    assert_eq!(summary(&to).unwrap(), Some(made.clone()));
    for there in [
        "instance.toml",
        "keys/keys.json",
        "log-1/lock",
        "log-1/tiles/checkpoint",
        "tuf/repository/timestamp.json",
    ] {
        assert!(to.join(there).is_file(), "{there}");
    }
    for absent in [
        "lock",
        "high-water",
        "log-1/digests.sqlite",
        "log-1/journal",
    ] {
        assert!(!to.join(absent).exists(), "{absent}");
    }
    assert_eq!(
        fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o700
    );

    // Again: only what has changed.
    let again = backup(&dir, &to).unwrap();
    assert_eq!((again.written, again.bytes), (0, 0));
    sample.log_all(&[b"b".as_slice()]);
    let again = backup(&dir, &to).unwrap();
    assert_eq!(again.logs[0].size, 601);
    // The lock, the checkpoint, two partial tiles; level 1 has not grown.
    assert_eq!(again.written, 4);
}

/// Between commit and publication, or while witnesses are waited for, the checkpoint is behind the lock.
#[test]
fn a_copy_can_prove_the_published_size_when_the_lock_is_ahead() {
    let mut sample = Sample::new();
    sample.log_all(&[b"a".as_slice(); 300]);
    let dir = instance(&sample);
    let checkpoint = dir.join("log-1/tiles/checkpoint");
    let published = fs::read(&checkpoint).unwrap();
    sample.log_all(&[b"b".as_slice()]);
    fs::write(&checkpoint, published).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("copy");
    let made = backup(&dir, &to).unwrap();
    assert_eq!(made.logs[0].size, 301);
    let copied = crate::store::objects(&to.join("log-1"));
    let reader = signhere_log::reader::LogReader::new(copied, Layout::Entries);
    for size in [300, 301] {
        assert!(reader.root(size).is_ok(), "{size}");
    }
}

/// What is published while the copy is made does not lead the copy to what it does not have.
#[test]
fn a_folder_is_copied_as_what_leads_to_the_rest_was_before() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (from.path(), to.path());
    for name in ["timestamp.json", "keys.json", "1.snapshot.json"] {
        fs::write(from.join(name), b"1").unwrap();
    }
    let leaders = files::read_leaders(from).unwrap();
    fs::write(from.join("2.snapshot.json"), b"2").unwrap();
    for name in ["timestamp.json", "keys.json"] {
        fs::write(from.join(name), b"2").unwrap();
    }
    let mut copier = Copier::default();
    copier.rest(from, to, 1, leaders).unwrap();
    for name in ["timestamp.json", "keys.json", "1.snapshot.json"] {
        assert_eq!(fs::read(to.join(name)).unwrap(), b"1", "{name}");
    }
}

#[test]
fn a_copy_that_broke_off_is_gone_on_with() {
    let mut sample = Sample::new();
    sample.log_all(&[b"a".as_slice(); 600]);
    let dir = instance(&sample);
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("copy");
    // A tile that is gone breaks it off.
    let tile = dir.join("log-1/tiles/tile/entries/001");
    let bytes = fs::read(&tile).unwrap();
    fs::write(&tile, b"not these").unwrap();
    let error = backup(&dir, &to).unwrap_err();
    assert!(
        matches!(&error, BackupError::Read { log, .. } if log == "log-1"),
        "{error}"
    );
    assert_eq!(summary(&to).unwrap(), None);
    fs::write(&tile, bytes).unwrap();
    let made = backup(&dir, &to).unwrap();
    assert!(made.kept >= 2, "{made:?}");
    assert_eq!(made.logs[0].size, 600);
}

#[test]
fn a_damaged_log_is_not_copied_as_if_it_were_whole() {
    let mut sample = Sample::new();
    sample.log_all(&[b"a".as_slice(); 3]);
    let dir = instance(&sample);
    let elsewhere = tempfile::tempdir().unwrap();
    let tile = dir.join("log-1/tiles/tile/entries/000.p/3");
    let mut bytes = fs::read(&tile).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let entry = BackupError::Entry {
        log: "log-1".to_owned(),
        index: 2,
    };
    assert_eq!(backup(&dir, &elsewhere.path().join("copy")), Err(entry));
}

#[test]
fn nothing_else_is_written_over() {
    let mut sample = Sample::new();
    sample.log_all(&[b"a".as_slice()]);
    let dir = instance(&sample);
    let elsewhere = tempfile::tempdir().unwrap();
    let inside = dir.join("copy");
    assert_eq!(
        backup(&dir, &inside),
        Err(BackupError::Inside {
            path: inside.clone()
        })
    );
    assert!(!inside.exists());

    let full = elsewhere.path().join("full");
    ensure_private_dir(&full).unwrap();
    fs::write(full.join("diary"), b"private").unwrap();
    let error = BackupError::Other {
        path: full.clone(),
        found: "diary".to_owned(),
    };
    assert_eq!(backup(&dir, &full), Err(error));

    let mut stranger = Sample::new();
    stranger.log_all(&[b"a".as_slice()]);
    let stranger = instance(&stranger);
    let to = elsewhere.path().join("copy");
    let id = backup(&stranger, &to).unwrap().id;
    let error = BackupError::Other {
        path: to.clone(),
        found: format!("the instance {id}"),
    };
    assert_eq!(backup(&dir, &to), Err(error));
    let held = hold(&to).unwrap();
    assert_eq!(backup(&stranger, &to), Err(BackupError::InUse { path: to }));
    drop(held);
}
