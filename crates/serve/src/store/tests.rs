use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use signhere_log::fsck::fsck;
use signhere_log::layout::Layout;
use signhere_log::merkle::{Hash, verify_consistency};
use signhere_log::note::{NoteSigner, NoteVerifier};
use signhere_log::sequencer::{Sequencer, SequencerConfig};
use signhere_log::storage::{Journal, Objects};
use signhere_log::tile::TileKind;
use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_pki::time::Time;

use crate::quiet::{nothing_starts, one_starts};

use super::*;

mod crash;

const ORIGIN: &str = "log.example";

fn config(key: &PrivateKey) -> SequencerConfig {
    let key = PrivateKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
    SequencerConfig {
        clear_after_batches: 5,
        ..SequencerConfig::new(ORIGIN, NoteSigner::new(ORIGIN, Box::new(key)).unwrap())
    }
}

fn place(folder: &Path) -> Place {
    Place {
        folder: folder.to_owned(),
        high_water: folder.with_extension("high-water"),
    }
}

fn check(folder: &Path, key: &PrivateKey) -> u64 {
    let objects: Arc<dyn Objects> = Arc::new(FileObjects::new(&folder.join("tiles"), folder));
    let verifier = NoteVerifier::ed25519(ORIGIN, key.public_key()).unwrap();
    fsck(&objects, Layout::Entries, ORIGIN, &verifier)
        .unwrap()
        .checkpoint
        .size
}

#[test]
fn a_log_in_files_goes_on_where_it_was() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    for round in 0..7_u64 {
        let mut log = Sequencer::open(config(&key), open(&place(folder.path())).unwrap()).unwrap();
        assert_eq!(log.size(), round * 100);
        for part in 0..4 {
            let entries = (0..25)
                .map(|i| format!("{round} {part} {i}").into_bytes())
                .collect();
            log.append_batch(entries).unwrap();
        }
        assert_eq!(
            log.read_entry(round * 100 + 30).unwrap(),
            format!("{round} 1 5").into_bytes()
        );
    }
    assert_eq!(check(folder.path(), &key), 700);
    assert_eq!(
        fs::read_dir(folder.path().join("temporary"))
            .unwrap()
            .count(),
        0
    );
    let mode = |path: &str| {
        fs::metadata(folder.path().join(path))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("tiles/checkpoint") & 0o777, 0o644);
    assert_eq!(mode("lock") & 0o777, 0o600);
    assert_eq!(mode("journal") & 0o777, 0o600);
}

#[test]
fn a_second_holder_is_refused_until_the_first_lets_go() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let first = open(&place(folder.path())).unwrap();
    let path = folder.path().join("hold").display().to_string();
    assert_eq!(
        open(&place(folder.path())).map(|_| ()),
        Err(StorageError::InUse { path })
    );
    // Published objects may be read on, but nobody may write with the storage half dropped.
    let Storage {
        objects,
        journal,
        lock,
        high_water,
    } = first;
    drop((journal, high_water));
    assert!(open(&place(folder.path())).is_err());
    drop(lock);
    assert!(open(&place(folder.path())).is_ok());
    assert_eq!(objects.get("checkpoint"), Ok(None));
}

#[test]
fn objects_are_replaced_whole_and_never_outside_of_their_folder() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let storage = open(&place(folder.path())).unwrap();
    let objects = storage.objects;
    objects.put("tile/0/000.p/1", b"one").unwrap();
    objects.put("tile/0/000", b"full").unwrap();
    objects.put("tile/0/000", b"again").unwrap();
    objects.sync().unwrap();
    assert_eq!(objects.get("tile/0/000"), Ok(Some(b"again".to_vec())));
    assert_eq!(objects.get("tile/0/000.p/1"), Ok(Some(b"one".to_vec())));
    for absent in ["tile/0/001", "tile", "tile/0", "tile/0/000/x"] {
        assert_eq!(objects.get(absent), Ok(None), "{absent}");
        assert_eq!(objects.part(absent, 0, 1), Ok(None), "{absent}");
    }
    for (offset, length, part) in [(0, 2, "ag"), (3, 9, "in"), (5, 1, ""), (u64::MAX, 1, "")] {
        let found = objects.part("tile/0/000", offset, length).unwrap().unwrap();
        assert_eq!((found.bytes.as_slice(), found.total), (part.as_bytes(), 5));
    }
    let long = "a".repeat(256);
    for path in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../lock",
        "tile/../../lock",
        "tile//0",
        "tile/",
        ".hidden",
        "tile/.",
        "a\\b",
        "a\0b",
        "a b",
        "caf\u{e9}",
        &long,
    ] {
        let refused = StorageError::Path {
            path: path.to_owned(),
        };
        assert_eq!(objects.get(path), Err(refused.clone()), "{path:?}");
        assert_eq!(objects.part(path, 0, 1), Err(refused.clone()), "{path:?}");
        assert_eq!(objects.put(path, b"x"), Err(refused), "{path:?}");
    }
}

#[test]
fn a_failed_write_is_an_error_and_leaves_the_object() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let objects = open(&place(folder.path())).unwrap().objects;
    objects.put("a", b"file").unwrap();
    assert!(matches!(
        objects.put("a/b", b"x"),
        Err(StorageError::Io { .. })
    ));
    assert_eq!(objects.get("a"), Ok(Some(b"file".to_vec())));
}

#[test]
fn the_lock_moves_only_from_the_value_it_has() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let mut lock = open(&place(folder.path())).unwrap().lock;
    assert_eq!(lock.load(), Ok(None));
    assert_eq!(
        lock.replace(Some(b"x"), b"one"),
        Err(StorageError::LockMoved)
    );
    assert_eq!(lock.replace(None, b"one"), Ok(()));
    assert_eq!(lock.replace(None, b"two"), Err(StorageError::LockMoved));
    assert_eq!(
        lock.replace(Some(b"two"), b"two"),
        Err(StorageError::LockMoved)
    );
    assert_eq!(lock.load(), Ok(Some(b"one".to_vec())));
    assert_eq!(lock.replace(Some(b"one"), b"two"), Ok(()));
    drop(lock);
    assert_eq!(
        open(&place(folder.path())).unwrap().lock.load(),
        Ok(Some(b"two".to_vec()))
    );
}

fn journal(folder: &Path) -> Box<dyn Journal> {
    open(&place(folder)).unwrap().journal
}

#[test]
fn records_come_back_until_they_are_cleared() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let mut first = journal(folder.path());
    first.append(b"one").unwrap();
    first.append(&[0; 1000]).unwrap();
    drop(first);
    let mut second = journal(folder.path());
    second.append(b"three").unwrap(); // without having read before
    let all = vec![b"one".to_vec(), vec![0; 1000], b"three".to_vec()];
    assert_eq!(second.read(), Ok(all));
    second.clear().unwrap();
    assert_eq!(second.read(), Ok(Vec::new()));
    second.append(b"four").unwrap();
    drop(second);
    assert_eq!(journal(folder.path()).read(), Ok(vec![b"four".to_vec()]));
}

/// Cut anywhere, or grown without its bytes: the records before are whole, and the next one follows them.
#[test]
fn a_torn_tail_is_no_record() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut writer = journal(folder.path());
    writer.append(b"first").unwrap();
    writer.append(b"second").unwrap();
    drop(writer);
    let first = 36 + b"first".len();
    let both = &fs::read(&path).unwrap()[..first + 36 + b"second".len()];

    let cut = (first..both.len()).map(|length| both[..length].to_vec());
    let zeros = (first..both.len()).map(|length| {
        let mut bytes = both[..length].to_vec();
        bytes.resize(both.len(), 0);
        bytes
    });
    for bytes in cut.chain(zeros) {
        fs::write(&path, &bytes).unwrap();
        let mut journal = journal(folder.path());
        assert_eq!(
            journal.read(),
            Ok(vec![b"first".to_vec()]),
            "{} bytes",
            bytes.len()
        );
        journal.append(b"x").unwrap();
        assert_eq!(journal.read(), Ok(vec![b"first".to_vec(), b"x".to_vec()]));
    }
}

#[test]
fn a_damaged_record_before_others_is_no_torn_tail() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut writer = journal(folder.path());
    writer.append(b"first").unwrap();
    let first = 36 + b"first".len();
    writer.append(b"second").unwrap();
    writer.append(b"third").unwrap();
    drop(writer);
    let mut bytes = fs::read(&path).unwrap();
    bytes[first + 40] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut journal = journal(folder.path());
    let offset = u64::try_from(first).unwrap();
    let damaged = StorageError::Damaged {
        path: path.display().to_string(),
        offset,
    };
    assert_eq!(journal.read(), Err(damaged.clone()));
    assert_eq!(journal.append(b"x"), Err(damaged));
}

/// What an older, longer journal has left behind is no record, wherever a new record happens to end.
#[test]
fn what_was_cleared_never_comes_back() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    for round in 0..4_u8 {
        let records: Vec<_> = (0..5)
            .map(|number| vec![round * 16 + number; 100])
            .collect();
        for record in &records[..usize::from(5 - round)] {
            journal.append(record).unwrap();
        }
        assert_eq!(journal.read().unwrap(), records[..usize::from(5 - round)]);
        journal.clear().unwrap();
        assert_eq!(journal.read(), Ok(Vec::new()));
    }
    // The same first record again, as after a batch that was never committed.
    journal.append(&[48; 100]).unwrap();
    drop(journal);
    let again = self::journal(folder.path()).read();
    assert_eq!(again, Ok(vec![vec![48; 100]]));
}

#[test]
fn a_torn_slot_leaves_the_value_before() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let mut lock = open(&place(folder.path())).unwrap().lock;
    lock.replace(None, b"one").unwrap();
    lock.replace(Some(b"one"), b"two").unwrap();
    let path = folder.path().join("lock");
    let before = fs::read(&path).unwrap();
    lock.replace(Some(b"two"), b"three").unwrap();
    drop(lock);
    let after = fs::read(&path).unwrap();
    assert_eq!(before.len(), after.len());
    let changed: Vec<_> = (0..after.len())
        .filter(|at| before[*at] != after[*at])
        .collect();
    for end in &changed {
        let torn = [&after[..*end], &before[*end..]].concat();
        fs::write(&path, torn).unwrap();
        assert_eq!(super::lock(folder.path()), Ok(Some(b"two".to_vec())));
    }
    fs::write(&path, vec![0; after.len()]).unwrap();
    let damaged = StorageError::Damaged {
        path: path.display().to_string(),
        offset: 0,
    };
    assert_eq!(super::lock(folder.path()), Err(damaged.clone()));
    let mut lock = open(&place(folder.path())).unwrap().lock;
    assert_eq!(lock.replace(None, b"four"), Err(damaged));
    let long = vec![0; 20_000];
    fs::write(&path, after).unwrap();
    assert!(matches!(
        lock.replace(Some(b"three"), &long),
        Err(StorageError::TooLarge { found: 20_000, .. })
    ));
    assert_eq!(lock.load(), Ok(Some(b"three".to_vec())));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// A backup is put back after the log has gone on: it must sign nothing, for it would sign another history.
#[test]
fn an_older_copy_of_the_log_does_not_open() {
    let _quiet = nothing_starts();
    let dir = tempfile::tempdir().unwrap();
    let (original, backup) = (dir.path().join("log"), dir.path().join("backup"));
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let open_log = |folder: &Path| {
        let storage = open(&place(folder)).unwrap();
        Sequencer::open(config(&key), storage).map_err(|error| error.to_string())
    };
    let mut log = open_log(&original).unwrap();
    log.append_batch(vec![b"one".to_vec()]).unwrap();
    drop(log);
    copy(&original, &backup);
    let mut log = open_log(&original).unwrap();
    log.append_batch(vec![b"two".to_vec()]).unwrap();
    drop(log);

    fs::rename(&original, dir.path().join("newer")).unwrap();
    fs::rename(&backup, &original).unwrap();
    let refused = "a checkpoint of 2 entries has been signed, but the log stands at 1".to_owned();
    assert_eq!(open_log(&original).map(|log| log.size()), Err(refused));
    // Neither does one without its mark, until a person vouches for it.
    let mark = place(&original).high_water;
    fs::remove_file(&mark).unwrap();
    let missing = "the log has 1 entries, but its high-water mark is missing".to_owned();
    assert_eq!(open_log(&original).map(|log| log.size()), Err(missing));
    fs::copy(dir.path().join("newer/tiles/checkpoint"), &mark).unwrap();
    let refused = "a checkpoint of 2 entries has been signed, but the log stands at 1".to_owned();
    assert_eq!(open_log(&original).map(|log| log.size()), Err(refused));
    // Nothing was changed; the newer copy goes on.
    fs::rename(&original, &backup).unwrap();
    fs::rename(dir.path().join("newer"), &original).unwrap();
    assert_eq!(open_log(&original).unwrap().size(), 2);
}

#[test]
fn partial_tiles_go_once_the_full_tile_survives_a_crash() {
    let _quiet = nothing_starts();
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let mut log = Sequencer::open(config(&key), open(&place(folder.path())).unwrap()).unwrap();
    // The journal is cleared every five batches: not yet since the tile became full.
    let mut append = |indices: std::ops::Range<u64>| {
        for index in indices {
            let entry = index.to_be_bytes().to_vec();
            log.append_batch(vec![entry]).unwrap();
        }
        log.settled_size()
    };
    let tiles = folder.path().join("tiles/tile");
    let partials = |path: &str| fs::read_dir(tiles.join(path)).map_or(0, Iterator::count);
    let counts = || ["0/000.p", "entries/000.p", "0/001.p", "1/000.p"].map(partials);
    let mut sweeper = Sweeper::new(folder.path(), TileKind::Entries);
    sweeper.sweep(append(0..259));
    assert_eq!(counts(), [255, 255, 3, 1]);
    let settled = append(259..300);
    assert_eq!(settled, 300);
    assert_eq!(counts(), [255, 255, 44, 1]);
    // In portions: the next batch need not wait for all of it.
    sweeper.sweep(settled);
    assert_eq!(counts(), [255, 0, 44, 1]);
    sweeper.sweep(settled);
    assert_eq!(counts(), [0, 0, 44, 1]);
    // Proofs for older trees, and a later opening, make do with the full tile.
    assert_eq!(log.reader().inclusion(7, 100).unwrap().len(), 7);
    drop(log);
    check(folder.path(), &key);
}

const CHILD: &str = "SIGNHERE_TEST_LOG_FOLDER";

/// The process that the next test kills. Started by the test runner itself it has nothing to do.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "told by the test that starts this process"
)]
fn writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let key = PrivateKey::from_pkcs8_der(&fs::read(folder.join("key")).unwrap()).unwrap();
    let mut log =
        Sequencer::open(config(&key), open(&place(&folder.join("log"))).unwrap()).unwrap();
    let mut out = std::io::stdout();
    for round in 0..1_000_000_u64 {
        let count = round % 23 + 1;
        let entries = (0..count)
            .map(|i| (log.size() + i).to_be_bytes().to_vec())
            .collect();
        log.append_batch(entries).unwrap();
        let root: String = log
            .root()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        writeln!(out, "answered {} {root}", log.size()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    fs::write(folder.path().join("key"), key.to_pkcs8_der().unwrap()).unwrap();
    let log_folder = folder.path().join("log");
    let mut answered: Option<(u64, Hash)> = None;
    for lines in [1, 7, 18, 30] {
        let starting = one_starts();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::tests::writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(starting);
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut seen = 0;
        for line in output.lines().map_while(Result::ok) {
            let Some((_, answer)) = line.split_once("answered ") else {
                continue;
            };
            let (size, root) = answer.split_once(' ').unwrap();
            let root: Hash = hex::decode(root).unwrap().try_into().unwrap();
            answered = Some((size.parse().unwrap(), root));
            seen += 1;
            // Its next batches are on their way now; what was printed since is read on until the end.
            if seen == lines {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= lines, "the process ended by itself");

        let log = Sequencer::open(config(&key), open(&place(&log_folder)).unwrap()).unwrap();
        let (size, root) = answered.unwrap();
        let proof = log.reader().consistency(size, log.size()).unwrap();
        verify_consistency(size, &root, log.size(), &log.root(), &proof).unwrap();
        for index in 0..log.size() {
            assert_eq!(log.read_entry(index).unwrap(), index.to_be_bytes());
        }
        drop(log);
        check(&log_folder, &key);
    }
}
